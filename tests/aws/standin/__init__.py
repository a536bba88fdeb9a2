"""What stands in for AWS in these tests: moto's server, with an EKS of its own in front of it."""
