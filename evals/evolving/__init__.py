"""Problems and programs that a model makes from other ones, filtered by a sandbox and a critic."""
