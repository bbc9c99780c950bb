// Reads AsyncAPI documents, the files of its arguments, by the public parser. For
// each it writes a line: how many operations it has, and what the parser has
// against it, notes aside.
import { fromFile, Parser } from "@asyncapi/parser";

const note = 2; // the least severity that is none

const parser = new Parser();
for (const path of process.argv.slice(2)) {
  const { document, diagnostics } = await fromFile(parser, path).parse();
  const against = diagnostics.filter((d) => d.severity < note).map((d) => `/${d.path.join("/")}: ${d.message} (${d.code})`);
  process.stdout.write(JSON.stringify({ operations: document?.operations().all().length ?? 0, against }) + "\n");
}
