"""Reports that are taken away as files."""
