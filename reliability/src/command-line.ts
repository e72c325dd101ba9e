/** Parses the value of an option. @throws {Error} with the code that `parseArgs` uses. */
export function wholeNumber(option: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw Object.assign(new Error(`--${option} takes a whole number of at least ${min}, not "${text}".`), {
    code: "ERR_PARSE_ARGS_INVALID_OPTION_VALUE",
  });
}
