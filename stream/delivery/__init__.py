"""Where alerts and figures leave the product; nothing here decides what an alert is."""
