"""Where an X-ray shows the patient: collimator, metal, instruments; found in it, or given."""
