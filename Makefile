# Two commands do all the set-up there is, in this folder alone: see tools/bootstrap.
#   make demo          the main job, on a folder that plays the remote; CHECK=1 runs a
#                      notebook cell through it and takes everything down again, and
#                      so does demo-end with what was left running
#   make test          the whole suite; TESTS='tests/test_push.py -k undo' for a part
#   make attack        the attacks alone, with many more rounds: a few hours; ends with
#                      how much was tried
#   make release       VERSION=0.2.0: date, suite, commit and tag; nothing is pushed

.PHONY: demo demo-end test attack release pictures scenarios links questions clean

demo:
	@tools/bootstrap uv run -q --frozen --group demo python tools/demo.py $(if $(CHECK),--check)

demo-end:
	@tools/bootstrap uv run -q --frozen --group demo python tools/demo.py --end

test:
	@tools/test $(TESTS)

attack:
	@REMOTE_LAB_ATTACK=full tools/test --timeout=3600 -m attack $(TESTS)

release:
	@tools/bootstrap uv run -q --frozen --group test python tools/release.py '$(VERSION)'

# The README's, from what the suite saw.
pictures:
	@tools/bootstrap uv run -q --frozen --group test python tools/pictures.py

# The tables in docs/notebooks.md, from the tests that show each row.
scenarios:
	@tools/bootstrap uv run -q --frozen --group test python tools/scenarios.py

# The lines that the links in docs/ lead to.
links:
	@tools/bootstrap uv run -q --frozen --group test python tools/links.py

# cookiecutter's questions, from those of copier.yml.
questions:
	@tools/bootstrap uv run -q --frozen --group test python tools/cookiecutter_json.py

clean:
	rm -rf .tools .venv .demo
