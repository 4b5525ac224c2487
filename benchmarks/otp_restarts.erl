%% A one_for_one supervisor with one gen_server that is killed and asked again; prints milliseconds, one kill a line.
-module(otp_restarts).
-behaviour(supervisor).
-export([run/1, init/1, start_link/0, handle_call/3, handle_cast/2]).

run(Kills) ->
    logger:set_primary_config(level, none),
    {ok, Top} = supervisor:start_link({local, top}, ?MODULE, top),
    lists:foreach(fun(_) -> io:format("~.6f~n", [kill()]) end, lists:seq(1, Kills)),
    unlink(Top).

kill() ->
    Before = whereis(it),
    Began = erlang:monotonic_time(nanosecond),
    exit(Before, kill),
    answered(Before),
    (erlang:monotonic_time(nanosecond) - Began) / 1000000.

answered(Before) ->
    try gen_server:call(it, who) of
        Before -> answered(Before);
        Pid when is_pid(Pid) -> Pid
    catch
        exit:_ -> answered(Before)
    end.

start_link() -> gen_server:start_link({local, it}, ?MODULE, server, []).

init(top) -> {ok, {#{intensity => 1000000, period => 1}, [#{id => it, start => {?MODULE, start_link, []}}]}};
init(server) -> {ok, none}.

handle_call(who, _From, State) -> {reply, self(), State}.
handle_cast(_Message, State) -> {noreply, State}.
