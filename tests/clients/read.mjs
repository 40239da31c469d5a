// What Microsoft's parser (VS Code, opencode) and a YAML 1.2 parser (Goose) read in the files named.
import { readFileSync } from "node:fs";
import { parse, printParseErrorCode } from "jsonc-parser";
import { parseDocument } from "yaml";

const read = (file) => {
  const text = readFileSync(file, "utf8").replace(/^\ufeff/, "");
  if (file.endsWith(".yaml")) {
    const document = parseDocument(text, { version: "1.2" });
    if (document.errors.length) throw document.errors[0];
    return document.toJS();
  }
  const errors = [];
  const value = parse(text, errors, { allowTrailingComma: true });
  if (errors.length) throw new Error(`${file}: ${printParseErrorCode(errors[0].error)}`);
  return value;
};

console.log(JSON.stringify(process.argv.slice(2).map(read)));
