//! The pages in a real browser, on the built component: what a person does, from signing in to signing out.

use nightcap_browser::{OPERATOR_KEY, Scene, WEBHOOK_KEY};
use serde_json::json;

/// Machines of the pretend Azure.
const CONTOSO_VM: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/ContosoExampleRG/providers/Microsoft.Compute/virtualMachines/ContosoVM";
const NO_AGENT: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/test-RG/providers/Microsoft.Compute/virtualMachines/no-agent";

/// What somebody may call an alert rule.
const HOSTILE: &str = "<img src=x onerror=\"window.taken=1\"><script>window.taken=1</script>\"'&amp;";

/// Has an alert come, as an action group sends it.
async fn alert(scene: &Scene, rule: &str, target: &str) -> anyhow::Result<()> {
    let send = "const [url, essentials, done] = arguments; essentials.firedDateTime = new Date().toISOString(); const alert = \
                {schemaId: 'azureMonitorCommonAlertSchema', data: {essentials, alertContext: {}}}; fetch(url, {method: 'POST', \
                body: JSON.stringify(alert), headers: {'content-type': 'application/json'}}).then(answer => done(answer.ok))";
    let essentials = json!({
        "alertId": rule, "alertRule": rule, "severity": "Sev2", "signalType": "Metric", "monitorCondition": "Fired",
        "monitoringService": "Platform", "alertTargetIDs": [target],
    });
    let arguments = vec![json!(format!("/api/alerts?code={WEBHOOK_KEY}")), essentials];
    anyhow::ensure!(scene.client.execute_async(send, arguments).await? == true, "the alert was not taken");
    Ok(())
}

/// Goes from the list to the request for a capture of ten minutes, by the forms.
async fn ask_for_a_capture(scene: &Scene) -> anyhow::Result<()> {
    scene.click("Start a capture").await?;
    scene.until_it_says("Show its machines").await?;
    let choose = format!(
        "const machines = document.getElementById('target'); machines.value = [...machines.options].find(one => \
         one.value.toLowerCase() === {}).value",
        json!(CONTOSO_VM.to_lowercase())
    );
    scene.ask(&choose).await?;
    scene.fill("timeLimitInSeconds", "600").await?;
    scene.fill("remotePort0", "443").await?;
    scene.click("Show the request").await?;
    scene.until_it_says("These requests would be sent.").await
}

async fn agree(scene: &Scene) -> anyhow::Result<()> {
    scene.click("Start the capture").await?;
    scene.until_it_says("Step by step").await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_signs_in_looks_around_and_signs_out() -> anyhow::Result<()> {
    let Some(scene) = Scene::new().await? else { return Ok(()) };
    scene.open("/start").await?;
    scene.inspect("sign-in").await?;
    scene.fill("key", "not the key").await?;
    scene.click("Sign in").await?;
    scene.until_it_says("This is not an operator key.").await?;
    scene.inspect("sign-in-again").await?;
    scene.fill("key", OPERATOR_KEY).await?;
    scene.click("Sign in").await?;
    scene.until_it_says("Show its machines").await?;
    scene.inspect("start").await?;

    scene.click("nightcap").await?;
    scene.until_it_says("Needs attention").await?;
    // The story has been told, and its capture read.
    scene.until_it_says("segments with data had to be sent again").await?;
    scene.inspect("list").await?;
    scene.click("test-VM").await?;
    scene.until_it_says("What the file says").await?;
    scene.inspect("capture").await?;
    scene.click("The whole report").await?;
    scene.until_it_says("Packet capture on test-VM").await?;
    scene.inspect("report").await?;

    scene.client.back().await?;
    scene.click("Preflight").await?;
    scene.until_it_says("To mend").await?;
    scene.inspect("preflight").await?;
    scene.click("Send a test message").await?;
    scene.until_it_says("The receiver took the message.").await?;
    scene.inspect("preflight-message").await?;
    scene.click("Before the first alert").await?;
    scene.fill("target", CONTOSO_VM).await?;
    scene.click("Look at it").await?;
    let sample = "return document.getElementById('alert')?.value.includes('ContosoVM') === true";
    scene.until("the sample is about that machine", sample).await?;
    scene.click("Show what would be done").await?;
    scene.until_it_says("PUT").await?;
    scene.inspect("preflight-alert").await?;
    scene.click("nightcap").await?;
    scene.until_it_says("Needs attention").await?;
    scene.click("Sign out").await?;
    scene.until_it_says("Operator key").await?;
    scene.client.back().await?;
    scene.until_it_says("Operator key").await?;
    scene.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_refresh_by_themselves_and_are_filtered() -> anyhow::Result<()> {
    let Some(scene) = Scene::new().await? else { return Ok(()) };
    scene.sign_in().await?;
    scene.ask("window.stayed = true").await?;
    let polled = |status: u16| {
        format!("return performance.getEntriesByType('resource').some(one => one.responseStatus === {status})")
    };
    scene.until("nothing has changed", &polled(304)).await?;
    alert(&scene, "CPU over 90 percent", CONTOSO_VM).await?;
    alert(&scene, "Disk is full", NO_AGENT).await?;
    scene.until_it_says("az vm extension set").await?;
    let left = "return document.querySelector('[data-until]')?.textContent";
    scene.until("time is left", &format!("{left}?.endsWith('s left') === true")).await?;
    let before = scene.ask(left).await?;
    scene.until("it counts down", &format!("{left} !== {before}")).await?;
    scene.until("something has changed", &polled(200)).await?;
    scene.until_it_says("No capture runs.").await?;
    assert_eq!(scene.ask("return window.stayed === true").await?, true, "the page was not loaded anew");

    scene.fill("filter", "disk full").await?;
    let shown = "return [...document.querySelectorAll('#live li')].filter(one => !one.hidden).length";
    assert_eq!(scene.ask(shown).await?, 1, "one alert is about a disk");
    scene.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_is_started_by_hand_stopped_and_deleted() -> anyhow::Result<()> {
    let Some(scene) = Scene::new().await? else { return Ok(()) };
    scene.sign_in().await?;
    ask_for_a_capture(&scene).await?;
    scene.inspect("start-request").await?;
    agree(&scene).await?;
    scene.until_it_says("9 min").await?;
    scene.inspect("capture-that-runs").await?;
    alert(&scene, "Disk is full", NO_AGENT).await?;
    scene.click("nightcap").await?;
    scene.until_it_says("az vm extension set").await?;
    scene.inspect("list-with-trouble").await?;
    scene.click("ContosoVM").await?;
    scene.until_it_says("Step by step").await?;

    scene.click("Stop").await?;
    scene.until_it_says("An operator stops the capture").await?;
    scene.until_it_says("What the file says").await?;
    let file = "const done = arguments[0]; fetch(document.querySelector('a[download]').href).then(answer => \
                done([answer.status, answer.headers.get('content-disposition').split(';')[0]]))";
    assert_eq!(scene.client.execute_async(file, vec![]).await?, json!([200, "attachment"]));
    scene.click("Delete…").await?;
    scene.click("Delete").await?;
    scene.until_it_says("An operator has deleted the capture").await?;
    scene.click("What came of the one that started it").await?;
    scene.until_it_says("started by hand").await?;
    scene.inspect("alert").await?;
    scene.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_scripts_it_is_all_the_same() -> anyhow::Result<()> {
    let Some(scene) = Scene::new().await? else { return Ok(()) };
    scene.forbid_scripts().await?;
    scene.sign_in().await?;
    ask_for_a_capture(&scene).await?;
    agree(&scene).await?;
    scene.reload_until_it_says("Azure says that the capture has begun.").await?;
    scene.click("Stop").await?;
    scene.until_it_says("An operator stops the capture").await?;
    scene.click("nightcap").await?;
    scene.until_it_says("ContosoVM").await?;
    scene.fill("filter", "no such machine").await?;
    scene.click("Filter").await?;
    scene.until_it_says("Among the newest 200 the filter finds none.").await?;
    scene.click("Sign out").await?;
    scene.until_it_says("Operator key").await?;
    scene.close().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_call_things_is_only_text() -> anyhow::Result<()> {
    let Some(scene) = Scene::new().await? else { return Ok(()) };
    scene.sign_in().await?;
    alert(&scene, HOSTILE, CONTOSO_VM).await?;
    scene.until_it_says(HOSTILE).await?;
    scene.click("<img").await?;
    scene.until("the alert's page", "return location.pathname.startsWith('/alerts/')").await?;
    scene.until_it_says(HOSTILE).await?;
    scene.click("The capture nightcap_").await?;
    scene.until("the capture's page", "return location.pathname.startsWith('/captures/')").await?;
    scene.until_it_says(HOSTILE).await?;
    scene.open("/?filter=%3Cscript%3Ewindow.taken=1%3C/script%3E%22%3E").await?;
    assert_eq!(scene.ask("return [window.taken ?? null, document.images.length]").await?, json!([null, 0]));
    // What gets into a page all the same is not run.
    let add = "const script = document.createElement('script'); script.textContent = 'window.taken = 1'; \
               document.body.append(script); return window.taken === undefined";
    assert_eq!(scene.ask(add).await?, true);
    scene.close().await
}
