"""What one scan says of each structure: images and segmentations in, tidy tables out."""
