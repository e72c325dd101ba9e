/** An error as an engine stores it: JSON text with a code. */
export function errorText(code: string, message = "it broke"): string {
  return JSON.stringify({ code, message });
}
