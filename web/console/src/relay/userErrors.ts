/** A problem that a mutation reports, as every mutation selects it. */
export interface UserProblem {
  readonly message: string;
  readonly path: readonly string[];
}

export interface SortedProblems {
  /** Messages by the name of the form's field. */
  readonly fields: Record<string, string[]>;
  /** Messages about none of the form's fields. */
  readonly form: string[];
}

/** Sorts problems by the first name of their path. `names` are the fields that the form has. */
export function sortedProblems(problems: readonly UserProblem[], names: readonly string[]): SortedProblems {
  const fields: Record<string, string[]> = {};
  const form: string[] = [];
  for (const { message, path } of problems) {
    const name = path[0];
    if (name !== undefined && names.includes(name)) (fields[name] ??= []).push(message);
    else form.push(message);
  }
  return { fields, form };
}

/** The problems but those of a field. */
export function withoutField(problems: SortedProblems, name: string): SortedProblems {
  if (!(name in problems.fields)) return problems;
  const { [name]: _, ...fields } = problems.fields;
  return { ...problems, fields };
}
