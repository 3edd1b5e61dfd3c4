"""The push: dotfiles, code and environment, to one remote or many."""
