import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { elementTexts, memberText, memberTexts, onOneLine, standsTwice } from "./text.ts";

describe("parts of a JSON text", () => {
  test("items stay as they are", () => {
    expect(elementTexts(' [ {"a" : [1, 2]} ,"x,]\\"" , 1.0,\n[[]] ]\n')).toEqual([
      '{"a" : [1, 2]}',
      '"x,]\\""',
      "1.0",
      "[[]]",
    ]);
    expect(elementTexts("[]")).toEqual([]);
    expect(elementTexts("[ ]")).toEqual([]);
  });

  test("members stay as they are, with their names unescaped", () => {
    expect(memberTexts('{"a":1, "\\u0061" : {"b":":"} , "c}":[",\\\\"]}')).toEqual([
      { name: "a", text: "1" },
      { name: "a", text: '{"b":":"}' },
      { name: "c}", text: '[",\\\\"]' },
    ]);
    expect(memberTexts('{"\\ud83d":1}')[0]?.name.isWellFormed()).toBe(false);
    expect(memberText('{"a":1,"b":2,"a": 3 }', "a")).toBe("3");
    expect(memberText('{"a":{"b":2}}', "b")).toBeUndefined();
    expect(memberText('{"__proto__":{"a":1}}', "__proto__")).toBe('{"a":1}');
    expect(standsTwice('{"a":1,"b":{"a":1},"a":2}', ["a"])).toBe(true);
    expect(standsTwice('{"a":1,"b":{"a":1},"c":1,"c":2}', ["a", "b"])).toBe(false);
  });

  test("line feeds and carriage returns become blanks", () => {
    expect(onOneLine('{"a":\r\n1}')).toBe('{"a":  1}');
    expect(onOneLine('"\\n"')).toBe('"\\n"');
  });

  test("the parts are those that a parser finds", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.array(fc.jsonValue()),
        (object, list) => {
          const members = memberTexts(JSON.stringify(object, null, 1));
          expect(members.map(({ name }) => name)).toEqual(Object.keys(object));
          expect(members.map(({ text }) => JSON.parse(text))).toEqual(
            Object.values(JSON.parse(JSON.stringify(object)) as object),
          );
          const texts = elementTexts(JSON.stringify(list, null, "\t"));
          expect(texts.map((text) => JSON.parse(text) as unknown)).toEqual(
            JSON.parse(JSON.stringify(list)),
          );
        },
      ),
    );
  });

  test("whatever the text is, it ends", () => {
    const almost = fc.string({ unit: fc.constantFrom(...'[]{}",:0\\u ') });
    fc.assert(
      fc.property(almost, (text) => {
        elementTexts(text);
        expect(elementTexts(`"${"\\".repeat(100_001)}`)).toEqual([]);
      }),
    );
  });
});
