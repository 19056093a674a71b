/**
 * TypeScript source as tokens and import statements, for checks that must not trip over comments and strings.
 *
 * The scanner is the compiler's own. It knows no grammar, so the two places where grammar decides, regular expressions
 * and template literals, are settled here.
 */
import { SyntaxKind } from "typescript/unstable/ast"
import { createScanner } from "typescript/unstable/ast/scanner"

export interface Token {
  readonly text: string
  readonly kind: SyntaxKind
  /** From 1. */
  readonly line: number
  /** A line break stands between this token and the one before. */
  readonly startsLine: boolean
}

export interface Comment {
  readonly text: string
  readonly line: number
}

/** An import, or an export with `from`. */
export interface Import {
  readonly line: number
  readonly from: string
  /** Only `type` names: gone at run time. */
  readonly isType: boolean
  readonly isExport: boolean
  /** Names as the other file calls them; `*` stands for all, `default` for its default. Type names are left out. */
  readonly names: ReadonlyArray<string>
}

export interface Source {
  readonly path: string
  readonly text: string
  readonly tokens: ReadonlyArray<Token>
  readonly lineComments: ReadonlyArray<Comment>
  readonly imports: ReadonlyArray<Import>
  /** Indices of the tokens that stand in import and export clauses. */
  readonly clauses: ReadonlySet<number>
}

const enders = new Set([
  SyntaxKind.Identifier,
  SyntaxKind.PrivateIdentifier,
  SyntaxKind.NumericLiteral,
  SyntaxKind.BigIntLiteral,
  SyntaxKind.StringLiteral,
  SyntaxKind.RegularExpressionLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateTail,
  SyntaxKind.CloseParenToken,
  SyntaxKind.CloseBracketToken,
  SyntaxKind.CloseBraceToken,
  SyntaxKind.ThisKeyword,
  SyntaxKind.SuperKeyword,
  SyntaxKind.NullKeyword,
  SyntaxKind.TrueKeyword,
  SyntaxKind.FalseKeyword
])
const operators = new Set([SyntaxKind.YieldKeyword, SyntaxKind.AwaitKeyword, SyntaxKind.OfKeyword])

/** Whether an expression can end with this token, so that an operator, not an operand, follows. */
export const endsExpression = (token: Token | undefined): boolean =>
  token !== undefined &&
  (enders.has(token.kind) ||
    (token.kind > SyntaxKind.LastReservedWord && token.kind <= SyntaxKind.LastKeyword && !operators.has(token.kind)))

const tokenize = (source: string): Pick<Source, "tokens" | "lineComments"> => {
  const scanner = createScanner(false)
  scanner.setText(source)
  const tokens: Array<Token> = []
  const lineComments: Array<Comment> = []
  /** One entry for each template literal around the current token: how many braces are open inside its `${`. */
  const templates: Array<number> = []
  let line = 1
  let startsLine = true
  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFile; kind = scanner.scan()) {
    if (kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken) {
      if (!endsExpression(tokens.at(-1))) kind = scanner.reScanSlashToken()
    } else if (kind === SyntaxKind.TemplateHead) templates.push(0)
    else if (kind === SyntaxKind.OpenBraceToken && templates.length > 0) templates.push((templates.pop() ?? 0) + 1)
    else if (kind === SyntaxKind.CloseBraceToken && templates.length > 0) {
      const open = templates.pop() ?? 0
      if (open > 0) templates.push(open - 1)
      else kind = scanner.reScanTemplateToken(false)
      if (kind === SyntaxKind.TemplateMiddle) templates.push(0)
    }
    const text = scanner.getTokenText()
    if (kind === SyntaxKind.SingleLineCommentTrivia) lineComments.push({ text, line })
    else if (kind > SyntaxKind.LastTriviaToken) {
      tokens.push({ text, kind, line, startsLine })
      startsLine = false
    }
    const breaks = text.split("\n").length - 1
    line += breaks
    if (breaks > 0) startsLine = true
  }
  return { tokens, lineComments }
}

const isString = (token: Token | undefined): token is Token => token?.kind === SyntaxKind.StringLiteral

/** The names in the tokens between `import` or `export` and `from`. */
const namesOf = (clause: ReadonlyArray<Token>): ReadonlyArray<string> => {
  const names: Array<string> = []
  let inBraces = false
  let startsItem = true
  for (const [at, token] of clause.entries()) {
    const next = clause[at + 1]
    if (token.text === "{" || token.text === "}") inBraces = token.text === "{"
    else if (token.text === "*") names.push("*")
    else if (startsItem && token.text !== ",")
      if (!inBraces) names.push("default")
      else if (token.text !== "type" || next === undefined || [",", "}", "as"].includes(next.text))
        names.push(token.text)
    startsItem = token.text === "{" || token.text === ","
  }
  return names
}

/** Where the clause that starts at `start` ends: at its module's name, or after its closing brace. */
const clauseEnd = (tokens: ReadonlyArray<Token>, start: number): number => {
  let at = start
  while (at < tokens.length && !isString(tokens[at])) {
    if (tokens[at]?.text === "}" && tokens[at + 1]?.text !== "from") return at
    at += 1
  }
  return at
}

/** The imports among tokens, and the indices of the tokens that belong to import and export clauses. */
const importsOf = (tokens: ReadonlyArray<Token>): Pick<Source, "imports" | "clauses"> => {
  const imports: Array<Import> = []
  const clauses = new Set<number>()
  for (const [at, token] of tokens.entries()) {
    if (tokens[at - 1]?.text === "." || clauses.has(at)) continue
    const next = tokens[at + 1]
    const isExport = token.kind === SyntaxKind.ExportKeyword
    if (!isExport && token.kind !== SyntaxKind.ImportKeyword) continue
    if (!isExport && next?.text === "(") {
      const module = tokens[at + 2]
      if (isString(module))
        imports.push({ line: token.line, from: module.text.slice(1, -1), isType: false, isExport, names: ["*"] })
      continue
    }
    const isType =
      next?.text === "type" &&
      (isExport ? ["{", "*"].includes(tokens[at + 2]?.text ?? "") : tokens[at + 2]?.text !== "from")
    const start = isType ? at + 2 : at + 1
    if (next?.text === "." || (isExport && !["{", "*"].includes(tokens[start]?.text ?? ""))) continue
    const end = clauseEnd(tokens, start)
    for (let index = at; index <= end; index++) clauses.add(index)
    const module = tokens[end]
    if (!isString(module)) continue
    const clause = tokens.slice(start, end).filter(({ text }) => text !== "from")
    const names = isType ? [] : namesOf(clause)
    const isTypeOnly = isType || (clause.length > 2 && names.length === 0)
    imports.push({ line: token.line, from: module.text.slice(1, -1), isType: isTypeOnly, isExport, names })
  }
  return { imports, clauses }
}

export const parse = (path: string, text: string): Source => {
  const scanned = tokenize(text)
  return { path, text, ...scanned, ...importsOf(scanned.tokens) }
}
