"""What runs beside the service: the demo, the simulator, replays with reports, drills."""
