"""Small helpers of the laptop: files, programs, git, uv."""
