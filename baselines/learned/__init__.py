"""Systems that learn from features: logistic regression, forests, a conditional random field."""
