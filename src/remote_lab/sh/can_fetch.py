"""Runs on a remote that has no curl and no wget: fails if an address can't be had."""

import sys
import urllib.request

urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="HEAD"), timeout=5)
