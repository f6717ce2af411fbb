import Events
import Foundation

/// Reads `"schedule"`: a cron expression, or an object that also has a time zone, or says how often.
struct ScheduleReader {
    let reader: DefinitionReader

    private static let leastSeconds = 1.0
    private static let keys = [
        "cron", "time_zone", "every", "jitter", "max_attempts", "backoff", "deadlines",
    ]

    func read(_ value: JSONValue) -> Schedule? {
        if case .string = value.content { return cron(value, zone: CronExpression.utc) }
        guard let object = reader.object(value, "schedule", keys: ScheduleReader.keys) else { return nil }
        let jitter = object["jitter"].flatMap { reader.duration($0, "jitter of schedule") }
        let attempts = object["max_attempts"].flatMap { readAttempts($0) }
        let backoff = object["backoff"].flatMap { reader.duration($0, "backoff of schedule") }
        let deadlines = object["deadlines"].flatMap { reader.boolean($0, "deadlines of schedule") }
        guard var schedule = times(object, value) else { return nil }
        if let jitter { schedule.jitterSeconds = Double(jitter) / 1e6 }
        if let attempts { schedule.maxAttempts = attempts }
        if let backoff { schedule.backoffSeconds = Double(backoff) / 1e6 }
        if let deadlines { schedule.wakesAtDeadlines = deadlines }
        return schedule
    }

    private func readAttempts(_ value: JSONValue) -> Int? {
        guard let number = reader.number(value, "max_attempts of schedule") else { return nil }
        guard number >= 1, number <= 1_000, number == number.rounded() else {
            reader.error("max_attempts of schedule is a whole number from 1 to 1000", at: value)
            return nil
        }
        return Int(number)
    }

    private func times(_ object: DefinitionReader.Object, _ value: JSONValue) -> Schedule? {
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
            let text = reader.string(every, "every of schedule") ?? ""
            return Schedule(.every(microseconds: duration), text: "every \(text)")
        default:
            reader.error("schedule has either \"cron\": \"5 * * * *\" or \"every\": \"10m\"", at: value)
            return nil
        }
    }

    private func zone(_ value: JSONValue?) -> TimeZone? {
        guard let value else { return CronExpression.utc }
        return reader.timeZone(value, "time_zone of schedule").flatMap { TimeZone(identifier: $0) }
    }

    private func cron(_ value: JSONValue, zone: TimeZone) -> Schedule? {
        guard let text = reader.nonEmptyString(value, "schedule") else { return nil }
        do {
            return Schedule(
                .cron(try CronExpression(text, zone: zone)), text: "\(text) \(zone.identifier)")
        } catch {
            reader.error("schedule is \"\(text)\"; \(error)", at: value)
            return nil
        }
    }
}
