"""The infra `mock`: real local processes behind a scripted cloud.

`script` says what the cloud is, `cloud` plays it (pure: no clock, no files, no processes), `driver` gives it
machines.
"""
