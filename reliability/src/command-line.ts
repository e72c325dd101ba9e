/** An option's value as a number. @throws {Error} with the code of `parseArgs`'s own errors. */
export function wholeNumber(option: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw Object.assign(new Error(`--${option} takes a whole number from ${min} up, not "${text}".`), {
    code: "ERR_PARSE_ARGS_INVALID_OPTION_VALUE",
  });
}
