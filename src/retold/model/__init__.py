"""What a corpus, a record and a finding are."""
