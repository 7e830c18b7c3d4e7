import { createRequire } from 'node:module';
import { KUSTO_TABLES } from './kusto-tables.js';

/** What the language service says of a query. */
export interface KustoProblem {
  readonly message: string;
  /** Into the query. */
  readonly offset: number;
}

interface List<T> {
  readonly Count: number;
  getItem(index: number): T;
}

/** The little of the language service that is used here; its own declarations are a compiled C# library of 1.7 MB. */
interface KustoLanguage {
  readonly KustoCode: {
    ParseAndAnalyze(
      text: string,
      globals: unknown,
    ): { GetDiagnostics(): List<{ readonly Message: string; readonly Severity: string; readonly Start: number }> };
  };
  readonly GlobalState: { readonly Default: { WithDatabase(database: unknown): unknown } };
  readonly Symbols: {
    readonly TableSymbol: { readonly $ctor7: new (name: string, schema: string, description: null) => unknown };
    readonly DatabaseSymbol: { readonly ctor: new (name: string, members: readonly unknown[]) => unknown };
  };
}

let loaded: { readonly language: KustoLanguage; readonly globals: unknown } | null = null;

/** The service with a workspace that has our tables; it is a script that leaves its names in the global scope. */
function kusto(): { readonly language: KustoLanguage; readonly globals: unknown } {
  if (loaded) return loaded;
  const require = createRequire(import.meta.url);
  require('@kusto/language-service-next/bridge.min.js');
  require('@kusto/language-service-next/Kusto.Language.Bridge.min.js');
  const { Language: language } = (globalThis as unknown as { readonly Kusto: { readonly Language: KustoLanguage } })
    .Kusto;
  const { TableSymbol, DatabaseSymbol } = language.Symbols;
  const tables = Object.entries(KUSTO_TABLES).map(
    ([name, columns]) => new TableSymbol.$ctor7(name, `(${columns})`, null),
  );
  const globals = language.GlobalState.Default.WithDatabase(new DatabaseSymbol.ctor('workspace', tables));
  return (loaded = { language, globals });
}

/** Syntax and meaning: unknown tables, columns and functions, operands of wrong types. */
export function kustoProblems(query: string): KustoProblem[] {
  const { language, globals } = kusto();
  const found = language.KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  return Array.from({ length: found.Count }, (_, i) => found.getItem(i))
    .filter(({ Severity }) => Severity === 'Error' || Severity === 'Warning')
    .map(({ Message, Start }) => ({ message: Message, offset: Start }));
}
