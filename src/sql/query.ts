/**
 * The common query form: what every dialect translates its parser's tree into, and what the resolver takes.
 *
 * It keeps what decides where a value comes from and where it goes (names, scopes, sources, flows) and drops what does
 * not (frame modes, sort directions, collations). Names are folded already. `position` is where the parser saw it, for
 * messages. A construct that has no place here must be refused by the translator, never left out.
 */

/** A name of a function, operator or type as written: `schema` only when it was given. */
export interface ObjectPath {
	readonly schema?: string;
	readonly name: string;
	readonly position?: number;
}

/** A name of a relation as written. */
export interface RelationPath extends ObjectPath {
	/** Where it ends in the text, as `position` says where it begins. */
	readonly end?: number;
	/** The database prefix of `db.schema.table`. */
	readonly database?: string;
	/** The text calls a function that delivers its rows: which, and whether it gives the call another name. */
	readonly called?: { readonly name: string; readonly isAliased: boolean };
	/** Some partitions alone are asked for, by their names (MySQL). */
	readonly partitions?: boolean;
}

export interface TypePath extends ObjectPath {
	readonly array: boolean;
}

export interface Alias {
	readonly name: string;
	readonly columns: readonly string[];
}

// ---- expressions ------------------------------------------------------------------------------------------------

export type Expression =
	| Constant
	| { readonly kind: "parameter" }
	| NameExpression
	/** `(of).field`; `field` undefined for `(of).*`. */
	| {
			readonly kind: "field";
			readonly of: Expression;
			readonly field: string | undefined;
			readonly position?: number;
	  }
	/** `of[index]`, `of[lower:upper]`. */
	| { readonly kind: "element"; readonly of: Expression; readonly indexes: readonly Expression[] }
	| CallExpression
	| OperatorExpression
	/** `operand [NOT] IN (list)`. */
	| {
			readonly kind: "membership";
			readonly operator: ObjectPath;
			readonly operand: Expression;
			readonly list: readonly Expression[];
			readonly negated: boolean;
	  }
	/** `left op ANY (array)`, `left op ALL (array)`. */
	| {
			readonly kind: "quantified";
			readonly operator: ObjectPath;
			readonly left: Expression;
			readonly right: Expression;
			readonly every: boolean;
	  }
	| { readonly kind: "logic"; readonly op: "and" | "or" | "not"; readonly operands: readonly Expression[] }
	| { readonly kind: "cast"; readonly operand: Expression; readonly type: TypePath }
	| SubqueryExpression
	/** Syntax of the language itself that computes from its operands: CASE, COALESCE, ARRAY[…], XMLELEMENT … */
	| ConstructExpression
	/** `ROW(…)`, `(a, b)`. */
	| { readonly kind: "row"; readonly items: readonly Expression[] }
	/** Column `index` of what assigns several columns at once: `SET (a, b) = …`. */
	| { readonly kind: "part"; readonly of: Expression; readonly index: number }
	/** DEFAULT in VALUES or SET. */
	| { readonly kind: "default" }
	/** `@name`, and with `assigned` `@name := assigned` (MySQL). */
	| { readonly kind: "variable"; readonly name: string; readonly assigned?: Expression; readonly position?: number }
	/** `@@name`, `@@global.name` (MySQL). */
	| {
			readonly kind: "setting";
			readonly name: string;
			readonly scope: "session" | "global";
			readonly position?: number;
	  }
	/** The value that was to be inserted: VALUES(column) in ON DUPLICATE KEY UPDATE (MySQL). */
	| { readonly kind: "inserted"; readonly column: string; readonly position?: number };

export interface Constant {
	readonly kind: "constant";
	readonly sort: "null" | "text" | "number" | "boolean" | "bits";
	/** As text; "" for NULL. */
	readonly value: string;
}

/** `a`, `t.a`, `s.t.a`; with `star` also `*` (no parts), `t.*`. */
export interface NameExpression {
	readonly kind: "name";
	readonly parts: readonly string[];
	readonly star: boolean;
	readonly position?: number;
}

export interface CallExpression {
	readonly kind: "call";
	readonly name: ObjectPath;
	readonly arguments: readonly Expression[];
	/** `count(*)`. */
	readonly star: boolean;
	readonly distinct: boolean;
	readonly orderBy: readonly SortItem[];
	readonly filter?: Expression;
	readonly window?: Window;
}

export interface OperatorExpression {
	readonly kind: "operator";
	readonly operator: ObjectPath;
	/** One operand for a prefix operator. */
	readonly operands: readonly Expression[];
}

export interface SubqueryExpression {
	readonly kind: "subquery";
	readonly form: "scalar" | "exists" | "array" | "any" | "all";
	readonly query: Query;
	/** Of `any` and `all`: the left side and the operator that compares it with each row. */
	readonly test?: Expression;
	readonly operator?: ObjectPath;
}

export interface ConstructExpression {
	readonly kind: "construct";
	/** As a person would name it: "CASE", "COALESCE", "XMLELEMENT". */
	readonly what: string;
	readonly operands: readonly Expression[];
	/** Operators that it applies under the hood. */
	readonly operators: readonly ObjectPath[];
	readonly types: readonly TypePath[];
	/** Set when it gathers many rows into one value (XMLAGG has a name; JSON_ARRAYAGG is syntax). */
	readonly collects: boolean;
	readonly window?: Window;
}

export interface SortItem {
	readonly expression: Expression;
	/** ORDER BY … USING operator. */
	readonly operator?: ObjectPath;
}

/** OVER (…) or OVER name; also an entry of the WINDOW clause. */
export interface Window {
	/** A named window that it is, or that it starts from. */
	readonly base?: string;
	readonly partitionBy: readonly SortItem[];
	readonly orderBy: readonly SortItem[];
	readonly frame: readonly Expression[];
}

// ---- queries ----------------------------------------------------------------------------------------------------

export interface Query {
	readonly kind: "query";
	readonly with?: With;
	readonly body: Body;
	readonly orderBy: readonly SortItem[];
	/** LIMIT and OFFSET. */
	readonly limits: readonly Expression[];
	readonly locking: readonly Locking[];
}

export type Body = Select | SetOperation | Values | Insert | Update | Delete | Merge | JoinedUpdate | JoinedDelete;

export interface With {
	readonly recursive: boolean;
	readonly items: readonly CommonTable[];
}

/** What SEARCH and CYCLE add. `gathers`: it holds a value of every row on the way to its own. */
export interface AddedColumn {
	readonly name: string;
	readonly from: readonly string[];
	readonly gathers: boolean;
}

export interface CommonTable {
	readonly name: string;
	readonly columns: readonly string[];
	readonly query: Query;
	/** Columns that SEARCH and CYCLE add, and what they are computed from. */
	readonly added: readonly AddedColumn[];
	readonly position?: number;
}

/** FOR UPDATE and its kin; no names: every relation of FROM. */
export interface Locking {
	readonly relations: readonly RelationPath[];
}

export interface SelectItem {
	readonly expression: Expression;
	/** What the result column is called: a text, or the first result column of that query (a scalar subquery). */
	readonly label: string | Query;
	/** The label is only what the server is thought to make of the expression's text (MySQL). */
	readonly guessed?: boolean;
}

export interface Select {
	readonly kind: "select";
	/** "all": DISTINCT; a list: DISTINCT ON (…). */
	readonly distinct: "no" | "all" | readonly Expression[];
	readonly items: readonly SelectItem[];
	readonly from: readonly Source[];
	readonly where?: Expression;
	/** Grouping sets are flattened: which columns group together does not matter here. */
	readonly groupBy: readonly Expression[];
	readonly having?: Expression;
	readonly windows: ReadonlyMap<string, Window>;
}

export interface SetOperation {
	readonly kind: "setOperation";
	readonly op: "union" | "intersect" | "except";
	readonly all: boolean;
	readonly left: Query;
	readonly right: Query;
}

export interface Values {
	readonly kind: "values";
	readonly rows: readonly (readonly Expression[])[];
}

// ---- writes -----------------------------------------------------------------------------------------------------

export interface Target {
	readonly relation: RelationPath;
	readonly alias?: string;
}

export interface Assignment {
	readonly column: string;
	/** Subscripts on the way: `SET a[i] = …`. */
	readonly indexes: readonly Expression[];
	readonly value: Expression;
	readonly position?: number;
}

export type AssignedColumn = Omit<Assignment, "value">;

export interface Returning {
	readonly items: readonly SelectItem[];
	/** What the row before and after is called (PostgreSQL 18). */
	readonly old: string;
	readonly new: string;
}

export interface Insert {
	readonly kind: "insert";
	readonly target: Target;
	/** Undefined: the columns in order. */
	readonly columns: readonly AssignedColumn[] | undefined;
	/** Undefined: DEFAULT VALUES. */
	readonly source: Query | undefined;
	/** REPLACE: rows in the way are deleted. */
	readonly replaces?: boolean;
	readonly conflict?: {
		/** What the row that was to be inserted is called: "excluded" (PostgreSQL), the row alias of VALUES … AS (MySQL). */
		readonly excluded?: Alias;
		/** Further sources that the assignments see: those of INSERT … SELECT (MySQL). */
		readonly sees?: readonly Source[];
		/** Expressions over the target that name the index, and its predicate. */
		readonly arbiter: readonly Expression[];
		readonly assignments: readonly Assignment[];
		readonly where?: Expression;
	};
	readonly returning?: Returning;
}

export interface Update {
	readonly kind: "update";
	readonly target: Target;
	readonly assignments: readonly Assignment[];
	readonly from: readonly Source[];
	readonly where?: Expression;
	readonly returning?: Returning;
}

export interface Delete {
	readonly kind: "delete";
	readonly target: Target;
	readonly using: readonly Source[];
	readonly where?: Expression;
	readonly returning?: Returning;
}

/** UPDATE of a join: which table a column belongs to, and so what is written, shows when names are resolved (MySQL). */
export interface JoinedUpdate {
	readonly kind: "joinedUpdate";
	readonly from: readonly Source[];
	readonly assignments: readonly { readonly column: NameExpression; readonly value: Expression }[];
	readonly where?: Expression;
}

/** DELETE from some of the tables of a join, named by table or alias (MySQL). */
export interface JoinedDelete {
	readonly kind: "joinedDelete";
	readonly targets: readonly RelationPath[];
	readonly from: readonly Source[];
	readonly where?: Expression;
}

export interface Merge {
	readonly kind: "merge";
	readonly target: Target;
	readonly source: Source;
	readonly on: Expression;
	readonly clauses: readonly MergeClause[];
	readonly returning?: Returning;
}

export interface MergeClause {
	readonly command: "insert" | "update" | "delete" | "nothing";
	/** Whose columns its expressions can name. */
	readonly sees: "both" | "source" | "target";
	readonly condition?: Expression;
	/** Of update. */
	readonly assignments: readonly Assignment[];
	/** Of insert: undefined columns mean the columns in order, undefined values mean DEFAULT VALUES. */
	readonly columns?: readonly AssignedColumn[];
	readonly values?: readonly Expression[];
}

// ---- sources ----------------------------------------------------------------------------------------------------

export type Source =
	| {
			readonly kind: "relation";
			readonly relation: RelationPath;
			readonly alias?: Alias;
			/** Which versions of its rows (FOR SYSTEM_TIME, MariaDB). */
			readonly asOf?: readonly Expression[];
			/** Arguments and method of TABLESAMPLE. */
			readonly sample?: { readonly method: ObjectPath; readonly arguments: readonly Expression[] };
	  }
	| { readonly kind: "derived"; readonly query: Query; readonly alias?: Alias; readonly lateral: boolean }
	| {
			readonly kind: "functions";
			readonly items: readonly FunctionItem[];
			readonly ordinality: boolean;
			readonly alias?: Alias;
	  }
	/** XMLTABLE, JSON_TABLE: rows computed from `inputs` with columns that are spelled out. */
	| {
			readonly kind: "computed";
			readonly what: string;
			readonly inputs: readonly Expression[];
			readonly columns: readonly string[];
			readonly types: readonly TypePath[];
			readonly alias?: Alias;
	  }
	| JoinSource;

export interface FunctionItem {
	readonly expression: Expression;
	/** What the function is called, which names a scalar result. */
	readonly label: string;
	/** A column definition list: `f(…) AS t(a int, b text)`. */
	readonly columns: readonly { readonly name: string; readonly type: TypePath }[];
}

export interface JoinSource {
	readonly kind: "join";
	readonly type: "inner" | "left" | "right" | "full";
	readonly left: Source;
	readonly right: Source;
	readonly natural: boolean;
	readonly using: readonly string[];
	/** Name under which the merged columns alone can be reached: `USING (a) AS x`. */
	readonly usingAlias?: string;
	readonly on?: Expression;
	readonly alias?: Alias;
}
