// Signing in with password and one-time code, and enrolling with an invitation's code.

import { useState, type ReactNode } from "react";
import { act, type Session } from "../api";
import { Fields, initial, Said, useCommand, type Field } from "../ui/form";
import { QrCode } from "../ui/code";
import { Secret } from "../ui/secret";

function Door({ title, children }: { title: string; children: ReactNode }) {
  return (
    <main className="door">
      <div className="door-card">
        <p className="brand"><span className="logo" aria-hidden="true" />智慧体育社区</p>
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}

const SIGN_IN: Field[] = [
  { name: "name", label: "用户名", required: true, autoComplete: "username", max: 64 },
  { name: "password", label: "密码", type: "password", required: true, autoComplete: "current-password" },
  { name: "code", label: "六位动态口令", type: "code", required: true, max: 6, autoComplete: "one-time-code", help: "打开手机上的验证器应用查看，每 30 秒更换。" },
];

export function SignIn({ take, isEnded }: { take: (session: Session) => void; isEnded: boolean }) {
  const [values, setValues] = useState(() => initial(SIGN_IN));
  const { isBusy, problem, run } = useCommand();
  const send = (event: { preventDefault: () => void }) => {
    event.preventDefault();
    void run(values, async () => take(await act<Session>("POST", "/browser-sessions", values)));
  };
  return (
    <Door title="登录工作台">
      {isEnded && !problem && <p className="notice warn" role="alert">登录已失效，请重新登录。登录后会回到刚才的页面。</p>}
      <form onSubmit={send}>
        <Fields fields={SIGN_IN} values={values} set={setValues} problem={problem} />
        <Said problem={problem} fields={SIGN_IN} />
        <button className="button primary full" disabled={isBusy} aria-busy={isBusy}>{isBusy ? "正在登录…" : "登录"}</button>
      </form>
      <p className="help">收到邀请码、第一次使用？<a href="#/enrol">用邀请码开通账号</a></p>
    </Door>
  );
}

const ENROL: Field[] = [
  { name: "name", label: "用户名", required: true, autoComplete: "username", max: 64 },
  { name: "code", label: "邀请码", required: true, help: "由管理员当面或当日告知，一天内有效。" },
  { name: "password", label: "设置密码", type: "password", required: true, autoComplete: "new-password", help: "至少 12 个字符，不要用常见密码或用户名。" },
  {
    name: "again", label: "再输入一次密码", type: "password", required: true, autoComplete: "new-password",
    check: (value, all) => (value === all["password"] ? null : "两次输入的密码不一致。"),
  },
];

export function Enrol({ leave }: { leave: () => void }) {
  const [values, setValues] = useState(() => initial(ENROL));
  const [factor, setFactor] = useState<{ totp_secret: string; totp_url: string } | null>(null);
  const { isBusy, problem, run } = useCommand();
  const send = (event: { preventDefault: () => void }) => {
    event.preventDefault();
    if (values["password"] !== values["again"]) return;
    const { name, code, password } = values;
    void run(values, async () => setFactor(await act("POST", "/enrolments", { name, code, password })));
  };
  if (factor)
    return (
      <Door title="绑定验证器">
        <ol className="steps">
          <li>在手机上打开验证器应用（如支持 TOTP 的任一验证器）。</li>
          <li>扫描下面的二维码，或手工输入密钥。</li>
          <li>以后登录时，输入应用里显示的六位动态口令。</li>
        </ol>
        <QrCode text={factor.totp_url} label="验证器应用要扫描的二维码" />
        <Secret name="密钥" value={factor.totp_secret} note="二维码和密钥只显示这一次，请不要截图或发给别人。" />
        <button className="button primary full" onClick={leave}>已绑定，去登录</button>
      </Door>
    );
  return (
    <Door title="开通账号">
      <form onSubmit={send}>
        <Fields fields={ENROL} values={values} set={setValues} problem={problem} />
        <Said problem={problem} fields={ENROL} />
        <button className="button primary full" disabled={isBusy} aria-busy={isBusy}>{isBusy ? "请稍候…" : "开通"}</button>
      </form>
      <p className="help"><a href="#/">返回登录</a></p>
    </Door>
  );
}
