"""Small companies with one known leak each, and which guard of `churn check` catches it."""
