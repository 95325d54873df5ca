"""What comes from elsewhere: images, label maps and volumes that the study did not make."""
