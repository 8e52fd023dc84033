"""What is measured of features and of models: spectra, collapse, accuracy, verification."""
