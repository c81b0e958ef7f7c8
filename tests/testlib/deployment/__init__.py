"""The files that people deploy: chart, compose file, rules, dashboards, runbook."""
