"""The data set `amazon_beauty`."""
