#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What an image contains, as SPDX 2.3 JSON: dpkg's list (/var/lib/dpkg/status, on standard input) and
the program itself.  The same input gives the same bytes, but for the time unless SOURCE_DATE_EPOCH
is set."""

import argparse
import hashlib
import json
import os
import re
import sys
import time
import urllib.parse


def stanzas(text):
    """A dpkg status file as dictionaries; of a field with several lines only the first is kept."""
    for paragraph in re.split(r"\n\s*\n", text):
        fields = re.findall(r"^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)$", paragraph, re.M)
        if fields:
            yield dict(fields)


def installed(text):
    return sorted((s for s in stanzas(text) if s.get("Status", "").split()[-1:] == ["installed"]),
                  key=lambda s: (s["Package"], s["Architecture"]))


def package(name, version, number, **more):
    """Nothing is concluded of licences: /usr/share/doc/*/copyright in the image has them."""
    return {"SPDXID": f"SPDXRef-{number}-" + re.sub(r"[^A-Za-z0-9.-]", "-", name),
            "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION", **more}


def debian_package(stanza, number):
    name, version, arch = stanza["Package"], stanza["Version"], stanza["Architecture"]
    purl = (f"pkg:deb/debian/{urllib.parse.quote(name, safe='')}"
            f"@{urllib.parse.quote(version, safe='')}?arch={arch}")
    source = re.match(r"(\S+)(?: \((.*)\))?", stanza.get("Source", name))
    return package(
        name, version, number, supplier="Organization: Debian",
        sourceInfo=f"built from the source package {source[1]} {source[2] or version}",
        externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                       "referenceLocator": purl}])


def document(name, version, arch, text, now):
    image = package(name, version, 0, primaryPackagePurpose="CONTAINER", licenseDeclared="MIT")
    found = [debian_package(s, n) for n, s in enumerate(installed(text), 1)]
    if not found:
        raise ValueError("this is no dpkg status file: no package is installed by it")
    digest = hashlib.sha256("\n".join([name, version, arch, text]).encode()).hexdigest()
    title = f"{name}-{version}-{arch}"
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": title, "documentNamespace": f"https://spdx.org/spdxdocs/{title}-{digest}",
        "creationInfo": {"creators": ["Tool: switchyard-sbom"],
                         "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))},
        "packages": [image, *found],
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
             "relatedSpdxElement": image["SPDXID"]},
            *({"spdxElementId": image["SPDXID"], "relationshipType": "CONTAINS",
               "relatedSpdxElement": p["SPDXID"]} for p in found)]}


def main():
    p = argparse.ArgumentParser(description="dpkg's list on standard input, SPDX on standard output")
    for option in ("--name", "--version", "--arch"):
        p.add_argument(option, required=True)
    args = p.parse_args()
    now = int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())
    try:
        result = document(args.name, args.version, args.arch, sys.stdin.read(), now)
    except ValueError as e:
        sys.exit(f"sbom.py: {e}")
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
