# SPDX-License-Identifier: MIT
"""What the check of workflow files finds, each in a file that has nothing else wrong."""

import unittest

from testing import workflows

CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8"
GOOD = f"""# SPDX-License-Identifier: MIT
name: good
on: [push]
permissions:
  contents: read
jobs:
  build:
    strategy:
      matrix:
        include: [{{arch: amd64, runner: ubuntu-24.04}}]
    runs-on: ${{{{ matrix.runner }}}}
    timeout-minutes: 5
    permissions:
      packages: write
    steps:
      - uses: {CHECKOUT} # v5.0.0
        with:
          persist-credentials: false
      - name: test
        env:
          ARCH: ${{{{ matrix.arch }}}}
        run: ./switchyard test unit && echo "$ARCH"
  again:
    needs: build
    uses: ./.github/workflows/test.yml
"""
# what is replaced, by what, what is said of it
BAD = [
    ("# SPDX-License-Identifier: MIT\n", "", "no SPDX line"),
    ("name: good", "name: [good", "no YAML"),
    ("name: good", "name: good\ncron: often", "unknown key 'cron'"),
    ("jobs:", "tasks:", "it has no jobs"),
    ("on: [push]", "on: [pull_request_target]", "it is run by pull_request_target"),
    ("on: [push]", "on: {pull_request: {}}", "build: may write, for anybody's pull request"),
    ("permissions:\n  contents: read\n", "", "permissions are not listed"),
    ("contents: read", "contents: write", "permission contents: write"),
    ("      packages: write", "      id-token: write", "build: permission id-token: write"),
    ("    permissions:\n      packages: write", "    permissions: write-all",
     "build: permissions are not listed"),
    ("needs: build", "needs: built", "again: needs 'built', which is no job"),
    ("workflows/test.yml", "workflows/none.yml", "none.yml is not in the tree"),
    ("    timeout-minutes: 5\n", "", "build: no timeout-minutes"),
    ("runner: ubuntu-24.04", "runner: ubuntu-latest", "build: runs on 'ubuntu-latest'"),
    ("matrix.arch", "matrix.kind", "build: matrix.kind is not in its matrix"),
    (CHECKOUT, "actions/checkout@v5", "actions/checkout@v5 is not pinned"),
    (" # v5.0.0", "", "no comment says which version that is"),
    ("false", "true", "leaves its token in the checkout"),
    ("        with:\n          persist-credentials: false\n", "",
     "leaves its token in the checkout"),
    ('echo "$ARCH"', "echo ${{ github.head_ref }}", "an expression in a script"),
    ('echo "$ARCH"', "echo $ARCH", "SC2086"),
    ("./switchyard test unit", "./switchyard tset unit", "switchyard has no command 'tset'"),
    ("./switchyard test unit", "./switchyard test unti", "./switchyard test has no 'unti'"),
    ("./switchyard test unit", "./switchboard", "./switchboard is not in the tree"),
    ("./switchyard test unit", "tools/packages.list", "tools/packages.list is no program"),
    ("./switchyard test unit", "tools/release/images.sh publish",
     "images.sh has no command 'publish'"),
    ("      - name: test", "      - uses: x\n        name: test", "either uses or run"),
]


def complaints(text):
    return "\n".join(workflows.Checker("images.yml", text).check())


@unittest.skipIf(workflows.yaml is None, "python3-yaml is missing")
class Workflows(unittest.TestCase):
    def test_good(self):
        self.assertEqual(complaints(GOOD), "")

    def test_bad(self):
        for old, new, says in BAD:
            with self.subTest(says):
                self.assertIn(old, GOOD)
                self.assertIn(says, complaints(GOOD.replace(old, new, 1)))
