"""Reports: findings, scores and leaderboards as text, JSON, Markdown, CSV, LaTeX. Computes nothing."""
