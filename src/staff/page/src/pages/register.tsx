// Registers somebody at the desk, whose document lies on it.

import { useMemo, useState } from "react";
import { useNavigate } from "react-router";
import { act, type Page } from "../api";
import { ageOn, look } from "../documents";
import { useDesk } from "../session";
import { Fields, initial, Said, useCommand, type Field, type Values } from "../ui/form";
import { Card, Title } from "../ui/page";
import { Needs } from "../ui/states";
import { toast } from "../ui/toast";
import { Problem } from "../api";
import * as words from "../words";

const KINDS = ["resident_id", "residence_permit", "foreign_permanent_resident", "hk_mo_pass", "taiwan_pass", "passport"];
const PURPOSES = ["door_face", "off_device_face_transfer", "minutes_statistics", "bureau_sharing", "realname_check"];
const GUARDIAN_UNDER = 14;

const isById = (values: Values) => values["type"] === "resident_id" || values["type"] === "residence_permit";

function birthOf(values: Values): string | undefined {
  return isById(values) ? look(values["type"]!, values["number"] ?? "").birth : values["birth_date"] || undefined;
}

function told(number: string, values: Values): string {
  const { fault, birth, sex } = look(values["type"]!, number);
  if (fault) return fault;
  return birth ? `✓ 号码有效：${birth} 出生，${ageOn(birth)} 岁，${words.sex(sex)}` : "✓ 格式正确";
}

/** The guardian behind a document, who must be registered. */
async function guardian(number: string): Promise<string> {
  const document = { type: "resident_id", number: number.trim().toUpperCase() };
  const found = await act<Page<{ id: string }>>("POST", "/members/search", { document });
  const id = found.items[0]?.id;
  if (!id) throw new Problem(422, "guardian", "没有找到这位监护人", [{ pointer: "/guardian", code: "guardian", detail: "没有找到，请先登记监护人。" }]);
  return id;
}

export function Register() {
  const { divisions, session } = useDesk();
  const go = useNavigate();
  const own = session.staff.division;
  const communities = useMemo(() => {
    const list = divisions.filter((one) => one.level === "community").map((one): [string, string] => [one.code, `${one.name}（${one.code}）`]);
    return list.length > 0 ? list : [[own, own] as [string, string]];
  }, [divisions, own]);
  const fields: Field[] = [
    { name: "type", label: "证件类型", type: "select", required: true, options: KINDS.map((kind) => [kind, words.documentKind(kind)]), pointer: "/document/type" },
    { name: "number", label: "证件号码", required: true, max: 18, check: told, pointer: "/document/number" },
    { name: "issued_by", label: "签发国（三字母代码）", required: true, max: 3, show: (all) => all["type"] === "passport", pointer: "/document/issued_by" },
    { name: "name", label: "姓名", required: true, max: 64, help: "与证件完全一致。" },
    { name: "birth_date", label: "出生日期", type: "date", show: (all) => !isById(all) },
    { name: "sex", label: "性别", type: "select", options: [["", "不填"], ["male", "男"], ["female", "女"]], show: (all) => !isById(all) },
    { name: "phone", label: "手机号", type: "tel", max: 20 },
    { name: "community", label: "居住社区", type: "select", required: true, options: communities, pointer: "/home_community" },
    {
      name: "guardian", label: "监护人身份证号", required: true, max: 18, pointer: "/guardian",
      show: (all) => { const birth = birthOf(all); return birth !== undefined && ageOn(birth) < GUARDIAN_UNDER; },
      help: "未满 14 岁须先登记监护人。", check: (text) => look("resident_id", text).fault,
    },
    ...PURPOSES.map((purpose): Field => ({ name: purpose, label: `同意：${words.purpose(purpose)}`, type: "check" })),
  ];
  const [values, setValues] = useState(() => initial(fields));
  const { isBusy, problem, run } = useCommand();
  const send = (event: { preventDefault: () => void }) => {
    event.preventDefault();
    if (look(values["type"]!, values["number"]!).fault) return;
    void run(values, async (key) => {
      const birth = birthOf(values);
      const isChild = birth !== undefined && ageOn(birth) < GUARDIAN_UNDER;
      const document: Record<string, string> = { type: values["type"]!, number: values["number"]!.trim().toUpperCase() };
      if (values["type"] === "passport") document["issued_by"] = values["issued_by"]!.toUpperCase();
      const body: Record<string, unknown> = {
        document, name: values["name"]!.trim(), home_community: values["community"] || communities[0]![0],
        consents: PURPOSES.filter((purpose) => values[purpose] === "yes").map((purpose) => ({ purpose, granted: true })),
      };
      if (values["phone"]) body["phone"] = values["phone"].replace(/[\s-]/g, "");
      if (!isById(values) && values["birth_date"]) body["birth_date"] = values["birth_date"];
      if (!isById(values) && values["sex"]) body["sex"] = values["sex"];
      if (isChild) body["guardian_id"] = await guardian(values["guardian"]!);
      const { id } = await act<{ id: string }>("POST", "/members", body, key);
      toast("已登记");
      void go(`/members/${id}`);
    });
  };
  return (
    <>
      <Title text="前台登记" back={["/members", "居民"]} />
      <Needs right="register_members">
        <Card>
          <form className="form" onSubmit={send}>
            <p className="hint">请本人出示证件原件。同意事项须由本人（或监护人）逐项当面确认，可以不同意。</p>
            <Fields fields={fields} values={values} set={setValues} problem={problem} />
            <Said problem={problem} fields={fields} />
            <div className="dialog-acts"><button className="button primary" aria-disabled={isBusy} aria-busy={isBusy}>{isBusy ? "正在登记…" : "登记"}</button></div>
          </form>
        </Card>
      </Needs>
    </>
  );
}
