"""How suspicious a cluster is: features, a table of claims, their sum, a rule, and sentences."""
