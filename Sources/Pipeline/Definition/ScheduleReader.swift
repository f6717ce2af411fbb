import Events
import Foundation

/// Reads `"schedule"`: a cron expression, or an object that also has a time zone, or says how often.
struct ScheduleReader {
    let reader: DefinitionReader

    private static let leastSeconds = 1.0

    func read(_ value: JSONValue) -> Schedule? {
        if case .string = value.content { return cron(value, zone: CronExpression.utc).map { Schedule($0) } }
        guard
            let object = reader.object(value, "schedule", keys: ["cron", "time_zone", "every", "jitter"])
        else { return nil }
        let jitter = object["jitter"].flatMap { reader.duration($0, "jitter of schedule") } ?? 0
        guard let times = times(object, value) else { return nil }
        return Schedule(times, jitterSeconds: Double(jitter) / 1e6)
    }

    private func times(_ object: DefinitionReader.Object, _ value: JSONValue) -> Schedule.Times? {
        switch (object["cron"], object["every"]) {
        case (let expression?, nil):
            guard let zone = zone(object["time_zone"]) else { return nil }
            return cron(expression, zone: zone)
        case (nil, let every?):
            if let zone = object["time_zone"] {
                reader.error("\"every\" counts from one run to the next; time_zone is for \"cron\"", at: zone)
            }
            guard let duration = reader.duration(every, "every of schedule") else { return nil }
            guard Double(duration) / 1e6 >= ScheduleReader.leastSeconds else {
                reader.error("every of schedule is less than a second", at: every)
                return nil
            }
            return .every(seconds: Double(duration) / 1e6)
        default:
            reader.error("schedule has either \"cron\": \"5 * * * *\" or \"every\": \"10m\"", at: value)
            return nil
        }
    }

    private func zone(_ value: JSONValue?) -> TimeZone? {
        guard let value else { return CronExpression.utc }
        guard let name = reader.string(value, "time_zone of schedule") else { return nil }
        guard let rules = TimeZoneRules(identifier: name), let zone = TimeZone(identifier: rules.identifier)
        else {
            reader.error(
                "time_zone of schedule is \"\(name)\"; it must be a name of the IANA database, as in \"Europe/Berlin\"",
                at: value)
            return nil
        }
        return zone
    }

    private func cron(_ value: JSONValue, zone: TimeZone) -> Schedule.Times? {
        guard let text = reader.nonEmptyString(value, "schedule") else { return nil }
        do {
            return .cron(try CronExpression(text, zone: zone))
        } catch {
            reader.error("schedule is \"\(text)\"; \(error)", at: value)
            return nil
        }
    }
}
