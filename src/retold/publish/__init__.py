"""What a corpus folder is published with: gold, views, card, metadata and releases."""
