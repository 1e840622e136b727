// The staff console, role by role: each story begins at the sign-in and ends at what can be seen.

import { check } from "../lib/checks.mjs";
import {
  assert,
  confirms,
  Desk,
  dialog,
  gone,
  goes,
  PHONE,
  picture,
  press,
  says,
  settled,
} from "../lib/desk.mjs";
import { code, identity } from "../lib/office.mjs";
import * as care from "./console-care.mjs";

const COMMUNITY = "330482401001";
const DISTRICT = "330482";

export async function console_(town) {
  const hire = (role, division) => Desk.hired(town, role, division);
  const staff = {
    venue: await hire("venue", COMMUNITY),
    community: await hire("community", COMMUNITY),
    district: await hire("district", DISTRICT),
    bureau: await hire("bureau", DISTRICT),
    admin: await hire("admin", "33"),
  };
  await desk(staff.venue);
  await community(staff.community);
  await district(staff.district, staff.community);
  await bureau(staff.bureau);
  await admin(staff.admin, town);
  await file(staff.admin);
  await care.session(staff.community, town);
  await care.looks(staff, town);
  await care.keyboard(staff.venue);
  await care.failures(staff.community);
  await care.long(staff.community);
}

async function desk(venue) {
  await check(
    "console: a desk signs in, registers somebody whose number is checked, and verifies them",
    async () => {
      const page = await venue.window();
      await page.goto(`${venue.town.server.url}/staff`);
      await page.getByLabel("用户名").waitFor();
      await picture(page, "sign-in");
      await venue.signsIn(page);
      await picture(page, "overview-desk");
      await goes(page, "/members/new");
      const number = identity(7_001);
      const wrong = number.slice(0, 17) + (number[17] === "1" ? "2" : "1");
      await page.getByLabel("证件号码").fill(number.slice(0, 10));
      await says(page, "还差 8 位");
      await page.getByLabel("证件号码").fill(wrong);
      await says(page, "校验位不对");
      await page.getByLabel("证件号码").fill(number);
      await says(page, "✓ 号码有效");
      await page.getByLabel("姓名").fill("欧阳小满");
      await page.getByLabel("手机号").fill("13900007001");
      await page.getByLabel("同意：人脸用于门禁").check();
      await picture(page, "register-desk");
      await press(page, "登记");
      await page.getByRole("heading", { name: "居民资料" }).waitFor();
      await says(page, "欧");
      assert.ok(!(await page.content()).includes("欧阳小满"), "the name is masked");
      if (await page.getByRole("button", { name: "前台核验", exact: true }).count()) {
        await press(page, "前台核验");
        await confirms(page, "证件与本人一致");
        await gone(dialog(page));
      }
      await says(page, "前台核验");
      await goes(page, "/members");
      await page.getByLabel("查找方式").selectOption("resident_id");
      await page.getByLabel("内容").fill(number);
      await press(page, "查找");
      await says(page, "共 1 行");
      await picture(page, "members-desk");
      await page.context().close();
    },
  );
}

async function community(boss) {
  await check(
    "console: a community on a phone corrects a stay, closes a venue, opens a door and hangs a screen",
    async () => {
      const page = await boss.window(PHONE);
      await boss.signsIn(page);
      await picture(page, "overview-phone");
      await press(page, "打开菜单");
      await picture(page, "menu-phone");
      await dialog(page).getByRole("link", { name: "居民" }).click();
      await settled(page);
      await picture(page, "members-phone");
      // Somebody who has been there: the month of history knows many.
      boss.member = `/members/${await visitor(page)}`;
      await goes(page, boss.member);
      await picture(page, "member-phone");
      await press(page, "逐条核验");
      await says(page, "账本：");
      await confirms(page, "知道了");
      await gone(dialog(page));
      await press(page, "更正");
      const left = dialog(page).getByLabel("离场时间");
      const entered = await dialog(page).getByLabel("进场时间").inputValue();
      await left.fill(later(entered, 5));
      await dialog(page).getByLabel("理由").fill("居民当场出示了储物柜记录");
      await confirms(page, "预览效果");
      await says(page, "累计时长");
      await picture(page, "correction-phone");
      await confirms(page, "确认更正");
      await page
        .getByText(/已提交/)
        .first()
        .waitFor();
      if (await dialog(page).count()) await confirms(page, "关闭");
      await gone(dialog(page));

      await goes(page, "/venues");
      await page.locator('[role="cell"] a[href*="#/venues/"]').first().click();
      await settled(page);
      await press(page, "某天闭馆或改时间");
      await dialog(page).getByLabel("原因").fill("设备检修");
      await confirms(page, "确认");
      await says(page, "已安排");
      await gone(dialog(page));
      await page.getByRole("tab", { name: "容量与规则" }).click();
      await press(page, "改计时规则（先预览）");
      await dialog(page).getByLabel("没刷出时按多少分钟估算").fill("45");
      await confirms(page, "预览效果");
      await says(page, "如果过去 28 天用的是这些数字");
      await picture(page, "what-if-phone");
      await confirms(page, "取消");
      await gone(dialog(page));

      await goes(page, "/terminals");
      await page.locator('[role="cell"] a[href*="#/terminals/"]').first().click();
      await settled(page);
      await press(page, "开门");
      await says(page, "门会立即打开");
      await confirms(page, "开门");
      await gone(dialog(page));
      await page.getByRole("region", { name: "命令" }).getByText("开门").first().waitFor();
      await picture(page, "terminal-phone");

      await goes(page, "/screens");
      await press(page, "新增大屏");
      await dialog(page).getByLabel("挂在哪里").fill("二楼大厅");
      await confirms(page, "新增");
      await says(page, "大屏地址");
      await confirms(page, "关闭");
      await page.frameLocator("iframe").locator("#inside").waitFor();
      await says(page, "二楼大厅");
      await press(page, "停用");
      await says(page, "不能恢复");
      await confirms(page, "停用");
      await says(page, "已停用");
      await page.context().close();
    },
  );
}

/** Somebody of the community who has been somewhere and left. */
function visitor(page) {
  return page.evaluate(async () => {
    const at = "/api/v1/staff";
    const { csrf } = await (await fetch(`${at}/sessions/current`)).json();
    const headers = { "Content-Type": "application/json", "Fitgate-Csrf": csrf };
    const asked = { method: "POST", headers, body: JSON.stringify({ limit: 200 }) };
    const { items } = await (await fetch(`${at}/members/search`, asked)).json();
    // The first of them are those whom the demo lets live, who have no past.
    for (let n = items.length; n > 0; n -= 10) {
      const known = items.slice(Math.max(0, n - 10), n).map(async ({ id }) => {
        const stays = await (await fetch(`${at}/members/${id}/sessions?limit=1`)).json();
        return stays.items?.[0]?.left_at ? id : null;
      });
      const found = (await Promise.all(known)).find(Boolean);
      if (found) return found;
    }
    throw new Error("nobody of these has been anywhere");
  });
}

/** `minutes` after a local time of a form. */
function later(local, minutes) {
  return new Date(Date.parse(`${local}:00Z`) + minutes * 60_000).toISOString().slice(0, 16);
}

async function district(boss, asker) {
  await check(
    "console: a district decides what a community asked for, reads reports and takes them away",
    async () => {
      const other = await asker.at(asker.member);
      await press(other, "查看完整信息");
      await dialog(other).getByLabel("查看什么").selectOption("document");
      await dialog(other).getByLabel("理由").fill("核对重复登记");
      await confirms(other, "申请查看");
      await says(other, "等待另一位同事批准");
      await confirms(other, "关闭");

      const page = await boss.window();
      await boss.signsIn(page);
      await picture(page, "overview-district");
      await goes(page, "/work");
      await picture(page, "work-desk");
      await page.getByRole("tab", { name: "审批" }).click();
      await says(page, "核对重复登记");
      await picture(page, "requests-desk");
      const row = page.getByRole("row").filter({ hasText: "核对重复登记" });
      await row.getByRole("button", { name: "批准" }).click();
      await confirms(page, "批准");
      await gone(row);
      await press(other, "查看");
      await other
        .locator("code.plain-value")
        .filter({ hasText: /^[0-9A-Z]{8,}$/ })
        .first()
        .waitFor();
      await other.context().close();

      await goes(page, "/reports");
      await page.locator("canvas").first().waitFor();
      await picture(page, "days-desk");
      await page
        .getByRole("button", { name: /第 \d+ 版/ })
        .first()
        .click();
      await dialog(page)
        .getByText(/第 1 版 ·|还没有发布过/)
        .first()
        .waitFor();
      await confirms(page, "关闭");
      await gone(dialog(page));
      await page.getByRole("tab", { name: "报表" }).click();
      await page.locator("form.filters select").first().selectOption("venues");
      await press(page, "生成");
      await settled(page);
      await picture(page, "report-desk");
      const file = page.waitForEvent("download");
      await press(page, "下载 CSV");
      assert.match((await file).suggestedFilename(), /场馆使用.*\.csv$/);

      await goes(page, "/roll-call");
      await page.locator('[role="cell"] a[href*="#/roll-call/"]').first().click();
      await says(page, "推定在场");
      await page.emulateMedia({ media: "print" });
      assert.equal(await page.locator(".side").isVisible(), false, "the menu is not printed");
      await page.emulateMedia({ media: "screen" });
      await picture(page, "roll-call-desk");
      await goes(page, "/audit");
      await says(page, "登录");
      await picture(page, "audit-desk");
      await page.context().close();
    },
  );
}

async function bureau(boss) {
  await check(
    "console: the bureau sees masked rows and figures, and is offered nothing to change",
    async () => {
      const page = await boss.window();
      await boss.signsIn(page);
      const menu = page.getByRole("navigation", { name: "主菜单" });
      assert.equal(await menu.getByRole("link", { name: "人员与角色" }).count(), 0);
      assert.equal(await menu.getByRole("link", { name: "待办与审批" }).count(), 0);
      await goes(page, "/members");
      await page.locator('[role="cell"] a[href*="#/members/"]').first().waitFor();
      assert.equal(await page.getByRole("link", { name: "前台登记" }).count(), 0);
      for (const path of ["/members/new", "/staff", "/audit", "/work", "/roll-call"]) {
        await goes(page, path);
        await says(page, "您的角色不能查看这一页");
      }
      await picture(page, "no-right-desk");
      await page.context().close();
    },
  );
}

async function admin(boss, town) {
  await check(
    "console: an admin invites an instructor, who enrols with a picture to scan and signs in",
    async () => {
      const page = await boss.window();
      await boss.signsIn(page);
      await goes(page, "/staff");
      await press(page, "邀请同事");
      const name = `coach-${Date.now() % 100_000}`;
      await dialog(page).getByLabel("用户名").fill(name);
      await dialog(page).getByLabel("角色").selectOption("instructor");
      await dialog(page).getByLabel("负责的区域").selectOption(COMMUNITY);
      await confirms(page, "邀请");
      const invitation = await dialog(page).locator("code").textContent();
      await confirms(page, "关闭");
      await says(page, name);
      await picture(page, "staff-desk");

      const phone = await boss.window(PHONE);
      await phone.goto(`${town.server.url}/staff#/enrol`);
      const password = "a-long-word-of-my-own-7";
      await phone.getByLabel("用户名").fill(name);
      await phone.getByLabel("邀请码").fill(invitation);
      await phone.getByLabel("设置密码").fill(password);
      await phone.getByLabel("再输入一次密码").fill(password);
      await press(phone, "开通");
      await phone.getByRole("img", { name: /二维码/ }).waitFor();
      await picture(phone, "enrol-phone");
      const secret = await phone.locator(".secret code").textContent();
      await press(phone, "已绑定，去登录");
      await phone.getByLabel("用户名").fill(name);
      await phone.getByLabel("密码").fill(password);
      await phone.getByLabel("六位动态口令").fill(code(secret));
      await press(phone, "登录");
      await phone.getByRole("heading", { level: 1, name: /概览/ }).waitFor();
      await goes(phone, "/members");
      await says(phone, "您的角色不能查看这一页");
      await phone.context().close();

      const row = page.getByRole("row").filter({ hasText: name });
      await row.getByRole("button", { name: "停用" }).click();
      await says(page, "账号立即不能使用");
      await confirms(page, "取消");
      await gone(dialog(page));
      await row.getByRole("button", { name: "停用" }).click();
      await confirms(page, "停用");
      await row.getByText("已停用").waitFor();
      await page.context().close();
    },
  );
}

async function file(boss) {
  await check("console: a file of members is taken whole, or its faulty row is named", async () => {
    const page = await boss.at("/members");
    const upload = async (text) => {
      await press(page, "从文件导入");
      const buffer = Buffer.from(text);
      const file = { name: "members.ndjson", mimeType: "application/x-ndjson", buffer };
      await dialog(page).getByLabel("文件").setInputFiles(file);
      await dialog(page).getByLabel("格式").selectOption("application/x-ndjson");
      await confirms(page, "上传");
    };
    const person = (number, community) =>
      JSON.stringify({
        document: { type: "resident_id", number },
        name: "王伟",
        home_community: community,
        registered_at: "2026-01-05",
        consents: [],
      });
    const known = identity(7_100);
    await upload(`${person(known, COMMUNITY)}\n${person(identity(7_102), "330482")}\n`);
    await says(page, "没有写入任何一行");
    await says(page, /第 2 行/);
    await confirms(page, "取消");
    await gone(dialog(page));
    await upload(`${person(known, COMMUNITY)}\n`);
    await says(page, "新增居民 1 位");
    await confirms(page, "关闭");
    await page.context().close();
  });
}
