"""Systems that work with words as they stand: gazetteers, overlap, rules, BM25."""
