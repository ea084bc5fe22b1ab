"""What the topics carry, in the rerun viewer: live or from bags, on machines without RViz too."""
