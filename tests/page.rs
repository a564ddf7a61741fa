//! The pages as a browser without a script sees them, natively, against the simulator's core. `tests/browser` has what only a real
//! one shows.

mod common;

use std::time::Duration;

use common::alerts::{CONTOSO_VM, TEST_VM, common};
use common::http::Answer;
use common::instance::{BEARER, Instance, Scene};
use common::story::{seconds, start, telling, the_message, told};
use http::Method;
use nightcap_simulator::{CaptureState, OPERATOR_KEY, WEBHOOK_KEY};
use serde_json::{Value, json};

/// A browser: what it keeps from one page to the next.
struct Browser<'a> {
    nightcap: &'a Instance,
    cookie: Option<String>,
}

impl<'a> Browser<'a> {
    fn new(nightcap: &'a Instance) -> Self {
        Self { nightcap, cookie: None }
    }

    async fn signed_in(nightcap: &'a Instance) -> Self {
        let mut browser = Self::new(nightcap);
        let answer = browser.post("/sign-in", &[("key", OPERATOR_KEY)]).await;
        assert_eq!((answer.status.as_u16(), place(&answer)), (303, "/"));
        browser
    }

    async fn send(&mut self, method: Method, url: &str, headers: &[(&str, &str)], body: String) -> Answer {
        let cookie = self.cookie.clone();
        let mut headers = headers.to_vec();
        headers.push(("host", "nightcap.example.com"));
        headers.extend(cookie.as_deref().map(|cookie| ("cookie", cookie)));
        let answer = self.nightcap.send(method, url, &headers, body).await;
        if let Some(cookie) = answer.headers.get("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
                assert!(cookie.split("; ").any(|own| own == attribute), "{cookie}");
            }
            let pair = cookie.split(';').next().unwrap().to_owned();
            self.cookie = (!cookie.contains("Max-Age=0")).then_some(pair);
        }
        assert!(!body_of(&answer).contains(OPERATOR_KEY) && !format!("{:?}", answer.headers).contains(OPERATOR_KEY));
        answer
    }

    async fn get(&mut self, url: &str) -> Answer {
        self.send(Method::GET, url, &[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "navigate")], String::new())
            .await
    }

    /// What a page shows.
    async fn look(&mut self, url: &str) -> String {
        let answer = self.get(url).await;
        let body = body_of(&answer);
        assert_eq!(answer.status, 200, "{url}: {body}");
        for (name, value) in
            [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff")]
        {
            assert_eq!(answer.headers[name], value);
        }
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
        assert!(!body.contains(" style=") && !body.contains("onclick"), "the policy would not let it");
        assert!(body.len() < 100_000, "{} bytes", body.len());
        body
    }

    async fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from("same-origin", url, fields).await
    }

    async fn post_from(&mut self, site: &str, url: &str, fields: &[(&str, &str)]) -> Answer {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", site),
            ("sec-fetch-mode", "navigate"),
        ];
        self.send(Method::POST, url, &headers, body).await
    }

    /// The token that the forms of a page carry.
    async fn token(&mut self) -> String {
        value_of(&self.look("/").await, "token")
    }
}

fn body_of(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

fn place(answer: &Answer) -> &str {
    answer.headers["location"].to_str().unwrap()
}

fn place_of(answer: &Answer) -> String {
    place(answer).to_owned()
}

/// The value of a field that a page has once.
fn value_of(page: &str, name: &str) -> String {
    let (_, field) = page.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("no {name} in {page}"));
    let (_, value) = field.split_once("value=\"").unwrap();
    let value = value.split('"').next().unwrap();
    value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A section of the page by its heading.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("<h2>{heading}</h2>")).unwrap_or_else(|| panic!("no {heading}: {page}"));
    rest.split("</section>").next().unwrap()
}

// ---- Signing in and out

#[tokio::test(start_paused = true)]
async fn an_operator_signs_in_with_the_key_once_and_out_again() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let mut browser = Browser::new(&nightcap);
    let answer = browser.get("/alerts/d1b86065b1a99918a4d8a97961b99636?x=y").await;
    assert_eq!(
        (answer.status.as_u16(), place(&answer)),
        (303, "/sign-in?to=%2Falerts%2Fd1b86065b1a99918a4d8a97961b99636%3Fx%3Dy")
    );
    let page = browser.look(place(&answer)).await;
    let to = value_of(&page, "to");
    assert_eq!(to, "/alerts/d1b86065b1a99918a4d8a97961b99636?x=y");
    let answer = browser.post("/sign-in", &[("to", &to), ("key", OPERATOR_KEY)]).await;
    assert_eq!((answer.status.as_u16(), place(&answer)), (303, to.as_str()));
    let answer = browser.post("/sign-in", &[("to", "https://evil.example/"), ("key", OPERATOR_KEY)]).await;
    assert_eq!(place(&answer), "/");

    let token = browser.token().await;
    let session = browser.cookie.clone();
    let answer = browser.post("/sign-out", &[("token", &token)]).await;
    assert_eq!((answer.status.as_u16(), place(&answer), &browser.cookie), (303, "/sign-in", &None));
    assert_eq!(browser.get("/").await.status, 303);
    assert!(session.is_some() && !nightcap.logs().concat().contains(OPERATOR_KEY));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_waits_and_another_sites_form_signs_nobody_in() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let mut browser = Browser::new(&nightcap);
    for pause in [250, 500, 1000] {
        let before = scene.now();
        let answer = browser.post("/sign-in", &[("key", "a-guess")]).await;
        assert_eq!(answer.status, 403);
        assert_eq!(Duration::try_from(scene.now() - before).unwrap().as_millis(), pause);
        assert!(body_of(&answer).contains("This is not an operator key.") && !body_of(&answer).contains("a-guess"));
    }
    for key in ["", WEBHOOK_KEY] {
        assert_eq!(browser.post("/sign-in", &[("key", key)]).await.status, 403);
    }
    assert!(!nightcap.logs().concat().contains("a-guess"));
    for site in ["cross-site", "same-site"] {
        let answer = browser.post_from(site, "/sign-in", &[("key", OPERATOR_KEY)]).await;
        assert_eq!((answer.status.as_u16(), &browser.cookie), (403, &None), "{site}");
    }
    let headers = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    let answer = browser.send(Method::GET, "/sign-in", &headers, String::new()).await;
    assert_eq!(answer.headers["refresh"], "0", "the session's cookie comes with the next request");
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_when_nothing_is_asked_for_and_when_the_key_is_changed() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let mut browser = Browser::signed_in(&nightcap).await;
    for _ in 0..3 {
        seconds(50 * 60).await;
        browser.look("/").await;
    }
    let cookie = browser.cookie.clone();
    let rotating =
        scene.instance_with(&[("operator_key", &format!("another, {OPERATOR_KEY}"))], nightcap.store.clone());
    let changed = scene.instance_with(&[("operator_key", "another")], nightcap.store.clone());
    assert_eq!(Browser { nightcap: &rotating, cookie: cookie.clone() }.get("/").await.status, 200);
    assert_eq!(Browser { nightcap: &changed, cookie: cookie.clone() }.get("/").await.status, 303);
    seconds(66 * 60).await;
    assert_eq!(browser.get("/").await.status, 303);
}

#[tokio::test(start_paused = true)]
async fn a_session_looks_at_everything_and_changes_nothing_without_a_form_of_its_own() {
    let scene = Scene::new();
    scene.add_capture("theirs", CONTOSO_VM, 600, CaptureState::Running);
    let nightcap = scene.instance();
    let mut browser = Browser::signed_in(&nightcap).await;
    assert_eq!(browser.get("/api/captures").await.status, 200);
    let theirs = "/api/captures/00000000-0000-0000-0000-000000000000/westcentralus/theirs";
    for (method, url) in [(Method::POST, format!("{theirs}/stop")), (Method::DELETE, theirs.to_owned())] {
        let answer = browser.send(method, &url, &[("sec-fetch-site", "same-origin")], String::new()).await;
        assert_eq!(answer.status, 401, "the API takes a key");
    }
    let token = browser.token().await;
    let other = Browser::signed_in(&nightcap).await.token().await;
    assert_ne!(token, other);
    for (site, token) in [("same-origin", ""), ("same-origin", "x"), ("same-origin", &*other), ("cross-site", &*token)]
    {
        let answer = browser.post_from(site, "/sign-out", &[("token", token)]).await;
        assert_eq!((answer.status.as_u16(), browser.cookie.is_some()), (403, true), "{site} {token}");
    }
    let own = browser.cookie.take();
    assert_eq!(browser.post("/sign-out", &[("token", &token)]).await.status, 303, "to the sign-in, without a session");
    browser.cookie = own;
    assert_eq!(scene.running_on(CONTOSO_VM), ["theirs"]);
}

#[tokio::test(start_paused = true)]
async fn a_browser_that_shows_the_key_as_programs_do_has_forms_that_work() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let mut browser = Browser::new(&nightcap);
    let answer = browser.send(Method::GET, "/", &[("authorization", BEARER)], String::new()).await;
    assert!(answer.status == 200 && browser.cookie.is_some());
    let token = value_of(&body_of(&answer), "token");
    assert_eq!(place(&browser.post("/sign-out", &[("token", &token)]).await), "/sign-in");
    let answer = browser.send(Method::GET, "/", &[("authorization", "Bearer wrong")], String::new()).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test(start_paused = true)]
async fn no_page_is_shown_and_no_form_taken_without_a_session() {
    let scene = Scene::new();
    scene.add_capture("theirs", CONTOSO_VM, 600, CaptureState::Running);
    let nightcap = scene.instance();
    let theirs = "/captures/00000000-0000-0000-0000-000000000000/westcentralus/theirs";
    let changing = [
        &*format!("{theirs}/stop"),
        &format!("{theirs}/delete"),
        "/start",
        "/preflight/message",
        "/preflight/alert",
        "/sign-out",
    ];
    let target = [("token", "x"), ("target", CONTOSO_VM), ("running", "delete")];
    let report = &*format!("{theirs}/report");
    for url in ["/", theirs, report, "/alerts/d1b86065b1a99918a4d8a97961b99636", "/start", "/preflight"] {
        let answer = Browser::new(&nightcap).get(url).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (303, 0), "{url}");
        let with_code = format!("{url}?code={WEBHOOK_KEY}");
        let headers = [("x-functions-key", WEBHOOK_KEY)];
        assert_eq!(nightcap.send(Method::GET, &with_code, &headers, "").await.status, 303, "{url}");
    }
    for url in changing {
        assert_eq!(Browser::new(&nightcap).post(url, &target).await.status, 303, "{url}");
    }
    let asked = scene.asked();
    assert_eq!(asked, Vec::<String>::new());
    let mut browser = Browser::signed_in(&nightcap).await;
    let token = browser.token().await;
    let target = [("token", &*token), ("target", CONTOSO_VM), ("running", "delete")];
    for url in changing {
        assert_eq!(browser.post_from("cross-site", url, &target).await.status, 403, "{url}");
        assert_eq!(browser.post(url, &target[1..]).await.status, 403, "{url} without its token");
        let json = [("content-type", "text/plain"), ("sec-fetch-site", "same-origin")];
        assert_eq!(browser.send(Method::POST, url, &json, format!("token={token}")).await.status, 415, "{url}");
    }
    assert_eq!(scene.asked(), Vec::<String>::new());
    assert_eq!(scene.running_on(CONTOSO_VM), ["theirs"]);
}

// ---- The first page

#[tokio::test(start_paused = true)]
async fn the_first_page_tells_what_runs_what_failed_and_what_ended() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let mut browser = Browser::signed_in(&nightcap).await;
    let page = browser.look("/").await;
    assert!(section(&page, "Running").contains("No capture runs."));
    assert!(section(&page, "Needs attention").contains("Nothing has failed"));

    start(&nightcap, TEST_VM).await;
    nightcap.alert(&common("no agent", &TEST_VM.replace("test-vm", "no-agent"))).await;
    nightcap.alert(&common("no agent again", &TEST_VM.replace("test-vm", "no-agent"))).await;
    seconds(20).await;
    let page = browser.look("/").await;
    let running = section(&page, "Running");
    assert!(running.contains("test-VM") && running.contains("running") && running.contains(" s left"), "{running}");
    assert!(section(&page, "Ended").contains("No capture has ended yet."));
    let attention = section(&page, "Needs attention");
    assert!(attention.contains("agent missing") && attention.contains("az vm extension set"), "{attention}");
    assert_eq!(attention.matches("az vm extension set").count(), 1, "by reason: {attention}");
    assert_eq!(section(&page, "Alerts").matches("<li").count(), 3);

    seconds(120).await;
    let page = browser.look("/").await;
    assert!(section(&page, "Running").contains("No capture runs."));
    let ended = section(&page, "Ended");
    assert!(ended.contains("test-VM") && ended.contains("The capture ran for its 60 seconds."), "{ended}");
}

#[tokio::test(start_paused = true)]
async fn lists_are_filtered_and_come_a_page_at_a_time() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("cooldown_seconds", "0"), ("capture_seconds", "1")]);
    for number in 0..27 {
        nightcap.alert(&common(&format!("rule number {number} of many"), TEST_VM)).await;
        seconds(60).await;
    }
    nightcap.alert(&common("the other", CONTOSO_VM)).await;
    seconds(120).await;
    let mut browser = Browser::signed_in(&nightcap).await;
    let page = browser.look("/").await;
    let ended = section(&page, "Ended");
    assert_eq!(ended.matches("<li").count(), 25);
    assert!(ended.find("ContosoVM").unwrap() < ended.find("test-VM").unwrap(), "newest first");
    let next = page.split("<a href=\"").find(|link| link.contains(">Older captures<")).unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&");
    let page = browser.look(&next).await;
    assert_eq!(section(&page, "Ended").matches("<li").count(), 3, "{page}");
    assert!(!page.contains("<h2>Running</h2>"));

    let page = browser.look("/?filter=contosoVM").await;
    assert_eq!(section(&page, "Ended").matches("<li").count(), 1);
    assert_eq!(section(&page, "Alerts").matches("<li").count(), 1);
    let page = browser.look("/?filter=MANY+number+26").await;
    assert_eq!(section(&page, "Alerts").matches("<li").count(), 1);
    let page = browser.look("/?filter=%3Cscript%3E").await;
    assert!(page.contains("value=\"&lt;script&gt;\"") && section(&page, "Alerts").contains("finds none"));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_asked_for_again_is_sent_only_when_something_has_changed() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    start(&nightcap, TEST_VM).await;
    seconds(20).await;
    let mut browser = Browser::signed_in(&nightcap).await;
    let page = browser.look("/").await;
    let (_, etag) = page.split_once("data-etag=\"").unwrap();
    let etag = etag.split_once("\">").unwrap().0.replace("&quot;", "\"");
    let again = async |browser: &mut Browser| {
        let headers = [("if-none-match", etag.as_str()), ("sec-fetch-site", "same-origin")];
        browser.send(Method::GET, "/", &headers, String::new()).await
    };
    seconds(5).await;
    let answer = again(&mut browser).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (304, 0));
    seconds(60).await;
    assert_eq!(again(&mut browser).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn settings_that_are_wrong_are_told_on_the_page_too() {
    let scene = Scene::new();
    let nightcap = scene.instance_with(&[("capture_seconds", "a minute")], Default::default());
    let mut browser = Browser::new(&nightcap);
    browser.post("/sign-in", &[("key", OPERATOR_KEY)]).await;
    let answer = browser.get("/").await;
    assert_eq!(answer.status, 500);
    assert!(body_of(&answer).contains("capture_seconds"));
    let nobody = scene.instance_with(&[("operator_key", "")], Default::default());
    assert!(Browser::new(&nobody).look("/sign-in").await.contains("The setting operator_key is empty"));
    assert_eq!(Browser::new(&nobody).post("/sign-in", &[("key", "")]).await.status, 403);
}

// ---- One capture, one alert

/// The address of a capture's page.
fn page_of(capture: &Value) -> String {
    common::story::path(capture).replace("/api/", "/")
}

#[tokio::test(start_paused = true)]
async fn a_captures_page_shows_it_step_by_step_and_stops_and_deletes_it() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[("capture_seconds", "600")]);
    let capture = start(&nightcap, TEST_VM).await;
    seconds(20).await;
    let mut browser = Browser::signed_in(&nightcap).await;
    let place = page_of(&capture);
    let page = browser.look(&place).await;
    assert!(page.contains("<h1>test-VM</h1>") && page.contains("The capture is running: "), "{page}");
    assert!(section(&page, "Step by step").matches("<li").count() >= 2);
    let token = value_of(&page, "token");

    let answer = browser.post(&format!("{place}/delete"), &[("token", &token)]).await;
    assert!(answer.status == 409 && body_of(&answer).contains("still runs"), "{}", body_of(&answer));
    let answer = browser.post(&format!("{place}/stop"), &[("token", &token)]).await;
    assert_eq!(
        (answer.status.as_u16(), place_of(&answer)),
        (303, format!("{place}?told=stop.under_way")),
        "{}",
        body_of(&answer)
    );
    let page = browser.look(place_of(&answer).as_str()).await;
    assert!(page.contains("Azure is stopping the capture."), "{page}");
    seconds(60).await;
    let page = browser.look(&place).await;
    assert!(!page.contains("/stop\"") && page.contains("People were told at"), "{page}");
    assert!(section(&page, "What the file says").contains("/report\""));
    let (_, file) = section(&page, "1 file").split_once("href=\"").unwrap();
    let file = browser.get(file.split('"').next().unwrap()).await;
    assert!(file.status == 200 && file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));

    let answer = browser.post(&format!("{place}/delete"), &[("token", &token)]).await;
    assert_eq!(place_of(&answer), format!("{place}?told=delete.under_way"));
    seconds(20).await;
    assert_eq!(scene.captures(), Vec::<String>::new());
    assert!(browser.look(&place).await.contains("An operator has deleted the capture"));

    let (_, alert) = page.split_once("href=\"/alerts/").unwrap();
    let page = browser.look(&format!("/alerts/{}", alert.split('"').next().unwrap())).await;
    assert!(page.contains("started") && page.contains(&place), "{page}");
    for wrong in ["/alerts/0", "/captures/0/0/0"] {
        let answer = browser.get(wrong).await;
        assert!(answer.status == 404 && body_of(&answer).contains("no record of this"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_strangers_capture_is_shown_as_such_and_deleted_only_when_somebody_insists() {
    let scene = Scene::new();
    scene.add_capture("theirs", CONTOSO_VM, 600, CaptureState::Running);
    let nightcap = scene.instance();
    let mut browser = Browser::signed_in(&nightcap).await;
    let place = "/captures/00000000-0000-0000-0000-000000000000/westcentralus/theirs";
    let page = browser.look(place).await;
    assert!(page.contains("somebody else&#39;s capture") || page.contains("somebody else's capture"), "{page}");
    let token = value_of(&page, "token");
    let deletion = format!("{place}/delete");
    assert_eq!(browser.post(&deletion, &[("token", &token)]).await.status, 409);
    let answer = browser.post(&deletion, &[("token", &token), ("running", "delete")]).await;
    assert_eq!(place_of(&answer), "/?told=delete.under_way");
    assert!(browser.look("/?told=delete.done").await.contains("The capture is deleted. Its file stays."));
    assert!(!browser.look("/?told=delete.%3Cb%3E").await.contains("class=\"told\""));
    seconds(20).await;
    assert_eq!(scene.captures(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn with_dry_run_the_request_is_shown_and_not_sent() {
    let scene = Scene::new();
    scene.add_capture("theirs", CONTOSO_VM, 600, CaptureState::Running);
    let nightcap = scene.instance_with(&[("dry_run", "true")], Default::default());
    let mut browser = Browser::signed_in(&nightcap).await;
    let place = "/captures/00000000-0000-0000-0000-000000000000/westcentralus/theirs";
    let token = browser.token().await;
    let answer = browser.post(&format!("{place}/stop"), &[("token", &token)]).await;
    assert!(answer.status == 200 && body_of(&answer).contains("theirs/stop?api-version"), "{}", body_of(&answer));
    assert_eq!(scene.running_on(CONTOSO_VM), ["theirs"]);
}

#[tokio::test(start_paused = true)]
async fn names_of_others_are_text_on_every_page() {
    const HOSTILE: &str = "\u{202e}<script>alert(1)</script>\"'><img src=x onerror=alert(2)>";
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let mut alert = common(HOSTILE, TEST_VM);
    alert["data"]["essentials"]["severity"] = json!(HOSTILE);
    nightcap.alert(&alert).await;
    let key = nightcap.store.json("alert:")["key"].as_str().unwrap().to_owned();
    let record = nightcap.store.json("capture:");
    let place = format!(
        "/captures/{}/westcentralus/{}",
        record["subscription"].as_str().unwrap(),
        record["name"].as_str().unwrap()
    );
    seconds(120).await;
    let mut browser = Browser::signed_in(&nightcap).await;
    let filter: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    for url in [
        "/",
        &place,
        &format!("/alerts/{key}"),
        &format!("/?filter={filter}"),
        &format!("/start?target={filter}&name={filter}"),
    ] {
        let page = browser.look(url).await;
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{url}: {page}");
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{url}: {page}");
        assert_eq!(page.matches("<script>").count(), 1, "its own");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_lead_to_pages() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let place = page_of(&start(&nightcap, TEST_VM).await);
    seconds(120).await;
    let on_pages = |message: &Value| {
        let page = message["data"]["links"]["page"].as_str().unwrap().to_owned();
        page.strip_prefix("https://nightcap.example.com").unwrap().to_owned()
    };
    assert_eq!(on_pages(&the_message(&scene)), place);
    let answer = Browser::new(&nightcap).get(&format!("{place}/report")).await;
    let sign_in = place_of(&answer);
    let mut browser = Browser::signed_in(&nightcap).await;
    let answer = browser.get(&sign_in).await;
    let report = place_of(&answer);
    assert_eq!(report, format!("{place}/report"), "whoever is signed in goes on at once");
    let answer = browser.get(&report).await;
    assert_eq!((answer.status.as_u16(), place_of(&answer)), (303, format!("/api{place}/report")));

    nightcap.alert(&common("no agent", &TEST_VM.replace("test-vm", "no-agent"))).await;
    seconds(120).await;
    let alert = on_pages(told(&scene).last().unwrap());
    assert!(alert.starts_with("/alerts/") && browser.look(&alert).await.contains("agent missing"), "{alert}");
}

// ---- Before the first alert

#[tokio::test(start_paused = true)]
async fn what_an_alert_will_need_is_shown_with_what_mends_it() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let mut browser = Browser::signed_in(&nightcap).await;
    assert!(browser.look("/").await.contains("href=\"/preflight\""));
    let no_agent = TEST_VM.replace("test-vm", "no-agent");
    let page = browser.look(&format!("/preflight?target={no_agent}")).await;
    assert!(page.contains("has to be mended first"), "{page}");
    let agent = section(&page, "To mend");
    assert!(agent.contains("<b>agent</b>") && agent.contains("az vm extension set --publisher"), "{agent}");
    assert!(agent.contains("<b>sweep</b>") && agent.contains("What mends it: <code>POST /api/sweep"), "{agent}");
    let good = section(&page, "Good");
    assert!(good.contains("<b>token</b>") && !good.contains("<b>agent</b>"), "{good}");
    assert!(page.contains(&format!("&quot;{no_agent}&quot;")), "the sample is about that machine: {page}");

    let answer = browser.get("/preflight?target=vm").await;
    assert!(answer.status == 400 && body_of(&answer).contains("resource id"), "{}", body_of(&answer));
    let broken = scene.instance_with(&[("capture_seconds", "a minute")], Default::default());
    let mut browser = Browser::signed_in(&broken).await;
    let page = browser.look("/preflight").await;
    assert!(section(&page, "To mend").contains("capture_seconds"), "{page}");
    assert!(section(&page, "Not tried").contains("<b>token</b>") && section(&page, "Good").contains("<b>store</b>"));
}

#[tokio::test(start_paused = true)]
async fn a_message_and_an_alert_are_tried_out_by_forms() {
    let scene = Scene::new();
    let nightcap = telling(&scene, &[]);
    let mut browser = Browser::signed_in(&nightcap).await;
    let token = browser.token().await;
    let answer = browser.post("/preflight/message", &[("token", &token)]).await;
    assert!(
        answer.status == 200 && body_of(&answer).contains("The receiver took the message."),
        "{}",
        body_of(&answer)
    );
    assert_eq!(the_message(&scene)["data"]["event"], "test");

    let rule = "<script>alert(1)</script>";
    let alert = common(rule, TEST_VM).to_string();
    let answer = browser.post("/preflight/alert", &[("token", &token), ("alert", &alert)]).await;
    let page = body_of(&answer);
    assert!(answer.status == 200 && page.contains("This is what &lt;script&gt;alert(1)"), "{page}");
    let (_, request) = page.split_once("<pre tabindex=\"0\">").unwrap();
    let request = request.split("</pre>").next().unwrap().replace("&quot;", "\"").replace("&amp;", "&");
    let request: Value = serde_json::from_str(&request).unwrap();
    assert_eq!(request["method"], "PUT");
    assert_eq!(scene.running_on(TEST_VM), Vec::<String>::new());
    assert!(nightcap.store.values().into_keys().all(|key| !key.starts_with("alert:")), "nothing is remembered");

    let answer = browser.post("/preflight/alert", &[("token", &token), ("alert", "{")]).await;
    assert!(answer.status == 400 && body_of(&answer).contains("JSON"), "{}", body_of(&answer));
    assert_eq!(told(&scene).len(), 1);
    let silent = scene.instance_with(&[("notify_url", "")], Default::default());
    let mut browser = Browser::signed_in(&silent).await;
    let token = browser.token().await;
    let answer = browser.post("/preflight/message", &[("token", &token)]).await;
    assert!(answer.status == 422 && body_of(&answer).contains("notify_url is empty"), "{}", body_of(&answer));
}

// ---- Starting by hand

#[tokio::test(start_paused = true)]
async fn a_capture_is_chosen_shown_as_a_request_and_started() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let mut browser = Browser::signed_in(&nightcap).await;
    let page = browser.look("/start").await;
    assert!(page.contains("Show its machines") && page.contains("test-VM (westcentralus, Windows, running)"), "{page}");
    let token = value_of(&page, "token");
    let chosen = [
        ("token", &*token),
        ("subscription", "00000000-0000-0000-0000-000000000000"),
        ("target", TEST_VM),
        ("timeLimitInSeconds", "30"),
        ("totalBytesPerSession", "1000000"),
        ("bytesToCapturePerPacket", "96"),
        ("protocol0", "TCP"),
        ("remotePort0", "443"),
        ("protocol1", "Any"),
        ("protocol2", "Any"),
        ("name", ""),
    ];
    let answer = browser.post("/start", &chosen).await;
    let page = body_of(&answer);
    assert_eq!(answer.status, 200, "{page}");
    let shown: Value = {
        let (_, text) = page.split_once("<pre tabindex=\"0\">").unwrap();
        assert!(text.starts_with("{\n  \"body\"".replace('"', "&quot;").as_str()), "a member a line: {text}");
        serde_json::from_str(&text.split("</pre>").next().unwrap().replace("&quot;", "\"").replace("&amp;", "&"))
            .unwrap()
    };
    assert_eq!(shown["method"], "PUT", "{shown}");
    assert!(scene.captures().is_empty() && nightcap.store.values().keys().all(|key| !key.starts_with("capture:")));
    let change = page.split("href=\"").find(|link| link.contains(">Change it<")).unwrap().split('"').next().unwrap();
    let again = browser.look(&change.replace("&amp;", "&")).await;
    assert_eq!((value_of(&again, "remotePort0"), value_of(&again, "timeLimitInSeconds")), ("443".into(), "30".into()));
    assert!(again.contains("selected>test-VM") && !change.contains(&token));

    let request = value_of(&page, "request");
    let answer = browser.post("/start", &[("token", &token), ("request", &request)]).await;
    assert_eq!(answer.status, 303);
    assert!(place_of(&answer).starts_with("/captures/"), "{}", place_of(&answer));
    let sent = scene.azure.lock().unwrap().transcript().iter().find(|sent| sent.method == "PUT").unwrap().body.clone();
    let sent: Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(sent, shown["body"], "what was shown was sent");
    assert_eq!(sent["properties"]["filters"], json!([{"protocol": "TCP", "remotePort": "443"}]));
    assert_eq!(sent["properties"]["timeLimitInSeconds"], 30);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_for_is_told_beside_the_form_which_keeps_what_was_entered() {
    let scene = Scene::new();
    let nightcap = scene.instance();
    let mut browser = Browser::signed_in(&nightcap).await;
    let token = browser.token().await;
    let wrong = [
        ("token", &*token),
        ("target", TEST_VM),
        ("timeLimitInSeconds", "18001"),
        ("protocol0", "Any"),
        ("localIPAddress0", "10.0.0.300"),
        ("remotePort2", "x"),
    ];
    let answer = browser.post("/start", &wrong).await;
    let page = body_of(&answer);
    assert_eq!(answer.status, 422, "{page}");
    for field in ["timeLimitInSeconds", "localIPAddress0", "remotePort2"] {
        assert!(page.contains(&format!("href=\"#{field}\"")), "{field}: {page}");
    }
    assert_eq!(value_of(&page, "localIPAddress0"), "10.0.0.300");
    assert!(page.contains("<details open>"));
    let no_agent = TEST_VM.replace("test-vm", "no-agent");
    let page = body_of(&browser.post("/start", &[("token", &token), ("target", &no_agent)]).await);
    assert!(page.contains("az vm extension set"), "{page}");
    assert!(scene.captures().is_empty());
}
