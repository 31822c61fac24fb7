"""One module per vendor of webhooks."""
