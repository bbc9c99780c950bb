// Lints OpenAPI documents, the files of its arguments, by every rule that the
// public linter has. For each it writes a line: what the linter has against it.
import { readFile } from "node:fs/promises";
import core from "@stoplight/spectral-core";
import parsers from "@stoplight/spectral-parsers";
import rulesets from "@stoplight/spectral-rulesets";

const linter = new core.Spectral();
linter.setRuleset({
  extends: [[rulesets.oas, "all"]],
  rules: {
    "info-contact": "off", // there is nobody to write to about a copy of one's own
    "license-url": "off", // 3.1 has an identifier in its place
  },
});
for (const path of process.argv.slice(2)) {
  const found = await linter.run(new core.Document(await readFile(path, "utf8"), parsers.Json, path));
  process.stdout.write(JSON.stringify({ against: found.map((d) => `/${d.path.join("/")}: ${d.message} (${d.code})`) }) + "\n");
}
