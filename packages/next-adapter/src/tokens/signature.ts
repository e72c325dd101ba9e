const ALGORITHM = { name: "HMAC", hash: "SHA-256" };
const encoder = new TextEncoder();

export async function sign(secret: string, text: string): Promise<string> {
  const signature = await crypto.subtle.sign(ALGORITHM, await importKey(secret), encoder.encode(text));
  return toBase64Url(new Uint8Array(signature));
}

/** Takes the same time for all wrong signatures. Never throws. */
export async function isSignedBy(secret: string, text: string, signature: string): Promise<boolean> {
  try {
    const bytes = fromBase64Url(signature);
    return await crypto.subtle.verify(ALGORITHM, await importKey(secret), bytes, encoder.encode(text));
  } catch {
    return false;
  }
}

function importKey(secret: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", encoder.encode(secret), ALGORITHM, false, ["sign", "verify"]);
}

export function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, "base64url"));
}
