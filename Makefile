# Two commands do all the set-up there is, in this folder alone: see tools/bootstrap.
#   make demo          the main job, on a folder that plays the remote; CHECK=1 runs a
#                      notebook cell through it and takes everything down again
#   make test          the whole suite; TESTS='tests/test_push.py -k undo' for a part

.PHONY: demo test screenshots clean

demo:
	@tools/bootstrap uv run -q --frozen --group demo python tools/demo.py $(if $(CHECK),--check)

test:
	@tools/bootstrap tools/test $(TESTS)

clean:
	rm -rf .tools .venv .demo
