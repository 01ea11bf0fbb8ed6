/** A growing list of bytes in the encodings of WebAssembly: LEB128, little-endian floats, names. */

/** Bytes being written. */
export class Bytes {
  private content = new Uint8Array(256);
  private length = 0;
  private readonly scratch = new DataView(new ArrayBuffer(4));

  /** Appends one byte. */
  byte(value: number): void {
    if (this.length === this.content.length) this.grow(this.length + 1);
    this.content[this.length++] = value;
  }

  /** Appends bytes as they are. */
  raw(values: ArrayLike<number>): void {
    if (this.length + values.length > this.content.length) this.grow(this.length + values.length);
    this.content.set(values, this.length);
    this.length += values.length;
  }

  /** Appends an unsigned number below 2³² in LEB128. */
  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** Appends an i32 in LEB128. */
  signed(value: number): void {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      const isLast = (rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0);
      this.byte(isLast ? low : low | 0x80);
      if (isLast) return;
    }
  }

  /** Appends the four bytes of an f32. */
  float(value: number): void {
    this.scratch.setFloat32(0, value, true);
    for (let at = 0; at < 4; at++) this.byte(this.scratch.getUint8(at));
  }

  /** Appends the four bytes of an i32. */
  word(value: number): void {
    this.scratch.setInt32(0, value, true);
    for (let at = 0; at < 4; at++) this.byte(this.scratch.getUint8(at));
  }

  /** Appends text with its length before it. */
  text(value: string): void {
    this.sized(new TextEncoder().encode(value));
  }

  /** Appends bytes with their number before them. */
  sized(values: Uint8Array): void {
    this.unsigned(values.length);
    this.raw(values);
  }

  /** What was written so far. */
  done(): Uint8Array<ArrayBuffer> {
    return this.content.slice(0, this.length);
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.content.length * 2));
    larger.set(this.content.subarray(0, this.length));
    this.content = larger;
  }
}
