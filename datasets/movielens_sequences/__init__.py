"""The data set `movielens_sequences`."""
