"""Whether checkov finds nothing in the Azure side, and has read all of it."""

import json
import subprocess
import sys


def main(checkov):
    command = [checkov, "--config-file", "deploy/azure/checkov.yaml", "--output", "json", "--quiet", "--compact"]
    ended = subprocess.run(command, capture_output=True, text=True)
    try:
        results = {result["check_type"]: result for result in json.loads(ended.stdout)}
    except (ValueError, TypeError, KeyError):
        sys.exit(f"checkov says nothing that can be read: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
    problems = []
    for framework in ["arm", "bicep", "terraform"]:
        summary = results.get(framework, {}).get("summary", {})
        if not summary.get("resource_count") or not summary.get("passed") or summary.get("parsing_errors"):
            problems.append(f"checkov has not read the {framework} files: {summary}")
    for result in results.values():
        for check in result["results"]["failed_checks"]:
            problems.append(f"deploy/azure{check['file_path']}: {check['resource']}: {check['check_id']} {check['check_name']}")
    sys.exit("\n".join(problems) or None)


main(sys.argv[1])
