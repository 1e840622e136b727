// Asks for password and one-time code again, where something is about to be shown or taken out.

import { useEffect, useState } from "react";
import { act, onConfirm } from "../api";
import { FormDialog } from "../ui/form";

export function Factors() {
  const [answer, setAnswer] = useState<((given: boolean) => void) | null>(null);
  useEffect(() => {
    onConfirm(() => new Promise<boolean>((resolve) => setAnswer(() => resolve)));
    return () => onConfirm(async () => false);
  }, []);
  if (!answer) return null;
  const end = (given: boolean) => {
    answer(given);
    setAnswer(null);
  };
  return (
    <FormDialog
      title="请再次确认是您本人"
      intro="查看完整信息、导出数据、订阅推送或更换密钥之前，需要再次输入密码和动态口令，十分钟内有效。每个动态口令只能用一次，刚用过的请等下一个。"
      fields={[
        { name: "password", label: "密码", type: "password", required: true, autoComplete: "current-password" },
        { name: "code", label: "六位动态口令", type: "code", required: true, max: 6, autoComplete: "one-time-code" },
      ]}
      confirm="确认"
      submit={async (values) => {
        await act("POST", "/sessions/current/confirmation", values);
        answer(true);
      }}
      after={() => setAnswer(null)}
      close={() => end(false)}
    />
  );
}
