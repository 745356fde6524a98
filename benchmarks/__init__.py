"""What the pipeline costs beside the naive thing: ratios, measured in one run on one machine."""
