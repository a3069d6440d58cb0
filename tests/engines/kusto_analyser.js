// Reads {"folder", "tables": {name: {column: type}}, "queries": {name: text}} from standard input
// and writes {name: [{severity, code, message, text}]}: what Microsoft's analyser says of each.
const fs = require("fs");
const vm = require("vm");

const asked = JSON.parse(fs.readFileSync(0, "utf8"));
for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(`${asked.folder}/${file}`, "utf8"), { filename: file });
}
const { Symbols, GlobalState, KustoCode } = Kusto.Language;
const tables = Object.entries(asked.tables).map(([name, columns]) => {
  const schema = Object.entries(columns).map(([column, type]) => `${column}: ${type}`);
  return Symbols.TableSymbol.From(`(${schema.join(", ")})`).WithName(name);
});
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor1("logs", tables));

const answer = {};
for (const [name, text] of Object.entries(asked.queries)) {
  const said = KustoCode.ParseAndAnalyze(text, globals).GetDiagnostics();
  answer[name] = [];
  for (let i = 0; i < said.Count; i++) {
    const one = said.getItem(i);
    answer[name].push({
      severity: one.Severity,
      code: one.Code,
      message: one.Message,
      text: text.substr(one.Start, one.Length),
    });
  }
}
process.stdout.write(JSON.stringify(answer));
